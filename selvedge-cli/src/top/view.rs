//! Draws a model.
//!
//! # Invariants
//!
//! 1. Colour says nothing that a word does not say as well.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Row, Table, TableState, Wrap};
use selvedge::observe::inspect::protocol::ThreadInfo;

use crate::draw::{stems, subject};
use crate::text::{clean, count, length, width};
use crate::top::lists;
use crate::top::model::{Mode, Model, Position, Sort, Tab, Wanted};

/// How things look.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    colours: bool,
}

impl Theme {
    /// With colours, or by bold and reversed letters alone.
    #[must_use]
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn coloured(self, colour: Color) -> Style {
        match self.colours {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    fn title() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn bar() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn alarm(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }
}

const HELP: &str = "\
1-8, Tab      the lists
up, down      choose; also k, j, PgUp, PgDn, Home, End
Enter         all about the chosen thread
s             sort: tree, processor, wait, age, name
/             only threads whose path has a text
p, space      hold the picture; again: go on
w             watch calls of open functions
c             count calls, for a minute
W, C          end the watches, the counts
x             ask the chosen thread to stop
r             record to a file; again: end
q, Ctrl-C     leave; the program goes on

In a recording:
space         play, hold
left, right   a picture back, on
g, G          to its begin, to its end
+, -          faster, slower";

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, model: &Model, theme: Theme) {
    let [head, tabs, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(title(model, theme)), head);
    // A narrow terminal has no room around the names, or for counts.
    let mut ways = [(" ", true), ("", true), ("", false)]
        .into_iter()
        .map(|(before, counts)| names_of_lists(model, theme, before, counts));
    let names = ways.find(|names| names.width() <= usize::from(tabs.width));
    // On one that is narrower still the first ones make room, so that the one that is shown is named.
    let names = names.unwrap_or_else(|| names_of_lists(model, theme, "", true));
    let up_to_shown = names.iter().take(model.tab as usize + 1).map(Span::width);
    let hidden = up_to_shown
        .sum::<usize>()
        .saturating_sub(usize::from(tabs.width));
    let hidden = u16::try_from(hidden).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(names).scroll((0, hidden)), tabs);
    match model.tab {
        Tab::Threads => threads(frame, body, model, theme),
        _ => list(frame, body, model),
    }
    frame.render_widget(Paragraph::new(bottom(model)).style(Theme::bar()), foot);
    match &model.mode {
        Mode::Help => popup(
            frame,
            "Keys",
            HELP.lines()
                .map(|line| Line::raw(line.to_owned()))
                .collect(),
        ),
        Mode::Details => {
            if let Some(thread) = model.thread() {
                popup(frame, "Thread", details(thread, model));
            }
        }
        _ => {}
    }
}

/// Who is looked at, and how it is.
fn title(model: &Model, theme: Theme) -> Line<'static> {
    let hello = &model.hello;
    let n = model
        .picture
        .threads
        .iter()
        .filter(|thread| !thread.scope && !thread.process)
        .count();
    let share = model.shares.values().fold(0.0, |sum, share| sum + share); // `sum` of none is -0
    let mut spans = vec![
        Span::styled(clean(&hello.program).into_owned(), Theme::title()),
        Span::raw(format!(
            "  pid {}  {}  processor {share:.0}%  after {}",
            hello.pid,
            count(n, "thread"),
            length(model.picture.at_us)
        )),
    ];
    let n = model.picture.warnings.len();
    if n > 0 {
        spans.push(Span::styled(
            format!("  {}", count(n, "warning")),
            theme.alarm(),
        ));
    }
    if let Some(Position { at, of, speed }) = model.replay {
        spans.push(Span::raw(format!("  recording {}/{of} x{speed}", at + 1)));
    }
    if model.held {
        spans.push(Span::styled("  HELD", Theme::title()));
    }
    if let Some(file) = &model.recording {
        spans.push(Span::styled(
            format!("  RECORDING {}", clean(file)),
            theme.alarm(),
        ));
    }
    if let Some(why) = &model.ended {
        spans.push(Span::styled(format!("  ENDED: {why}"), theme.alarm()));
    }
    Line::from(spans)
}

fn names_of_lists(model: &Model, theme: Theme, before: &str, counts: bool) -> Line<'static> {
    let picture = &model.picture;
    let mut spans = Vec::new();
    for (n, tab) in Tab::ALL.into_iter().enumerate() {
        let (name, many) = match tab {
            Tab::Threads => ("threads", None),
            Tab::Queues => ("queues", Some(picture.queues.len())),
            Tab::Locks => ("locks", Some(picture.locks.len())),
            Tab::Signals => ("signals", Some(picture.signals.len())),
            Tab::Calls => ("calls", None),
            Tab::Warnings => ("warnings", Some(picture.warnings.len())),
            Tab::Events => ("events", None),
            Tab::Processes => ("processes", Some(picture.processes.len())),
        };
        let many = many.filter(|n| *n > 0 && counts).map(|n| format!(" {n}"));
        let text = format!("{before}{}:{name}{} ", n + 1, many.unwrap_or_default());
        let style = match tab {
            tab if tab == model.tab => Theme::bar(),
            Tab::Warnings if !picture.warnings.is_empty() => theme.alarm(),
            _ => Style::new(),
        };
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}

fn threads(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let shown = model.threads();
    let stems = match model.is_tree() {
        true => stems(&model.picture.threads),
        false => vec![String::new(); shown.len()],
    };
    let names: Vec<String> = stems
        .iter()
        .zip(&shown)
        .map(|(stem, thread)| match model.is_tree() {
            true => format!("{stem}{}", clean(&thread.name)),
            false => clean(&thread.path).into_owned(),
        })
        .collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let widest = u16::try_from(widest + 1)
        .unwrap_or(u16::MAX)
        .clamp(6, (area.width / 2).max(6));
    let number = model.chosen.thread(&shown);
    let chosen = shown
        .iter()
        .position(|thread| Some(thread.number) == number);
    let rows = names
        .into_iter()
        .zip(&shown)
        .map(|(name, thread)| thread_row(name, thread, model, theme));
    let columns = [
        Constraint::Length(widest),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(5),
        Constraint::Length(6),
        Constraint::Fill(1),
    ];
    let head = [
        name_of_order(model.sort),
        "OS ID",
        "STATE",
        " CPU%",
        "AGE",
        "WAITS FOR",
    ];
    let table = Table::new(rows, columns)
        .header(Row::new(head).style(Theme::title()))
        .row_highlight_style(Theme::bar());
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(chosen));
}

fn name_of_order(sort: Sort) -> &'static str {
    match sort {
        Sort::Tree => "THREAD",
        Sort::Cpu => "THREAD by processor",
        Sort::Wait => "THREAD by wait",
        Sort::Age => "THREAD by age",
        Sort::Name => "THREAD by name",
    }
}

fn thread_row(name: String, thread: &ThreadInfo, model: &Model, theme: Theme) -> Row<'static> {
    let share = model
        .shares
        .get(&thread.number)
        .map(|share| format!("{share:5.1}"));
    let state = match (thread.scope, &thread.asked) {
        (true, None) => "scope".to_owned(),
        (_, Some(_)) if thread.state == "running" => "asked".to_owned(),
        _ => clean(&thread.state).into_owned(),
    };
    let waits = thread.waits.as_ref();
    let waits = waits.map(|waits| format!("{:>6} {}", length(waits.for_us), subject(waits)));
    let style = match &*state {
        "asked" | "ending" => theme.coloured(Color::Yellow),
        "stopped" => theme.coloured(Color::DarkGray),
        _ if waits.is_none() && !thread.scope => theme.coloured(Color::Green),
        _ => Style::new(),
    };
    let id = thread.os_id.map(|id| id.to_string());
    Row::new([
        name,
        id.unwrap_or_default(),
        state,
        share.unwrap_or_default(),
        length(thread.age_us),
        waits.unwrap_or_default(),
    ])
    .style(style)
}

fn list(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let (head, rows) = lists::rows(model);
    if rows.is_empty() {
        let text =
            Paragraph::new(nothing(model.tab, model.replay.is_some())).wrap(Wrap { trim: true });
        return frame.render_widget(text, area);
    }
    let chosen = model.chosen.row(model.tab, rows.len());
    let whole = Paragraph::new(rows[chosen].join("  "))
        .wrap(Wrap { trim: true })
        .block(Block::new().borders(Borders::TOP));
    let [area, below] = match area.height {
        0..=10 => [area, Rect::ZERO],
        _ => Layout::vertical([Constraint::Min(0), Constraint::Length(5)]).areas(area),
    };
    let last = head.len() - 1;
    let columns: Vec<Constraint> = (0..head.len())
        .map(|at| {
            let widest = rows
                .iter()
                .map(|row| width(&row[at]))
                .chain([head[at].len()])
                .max();
            let widest = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
            match at == last {
                true => Constraint::Fill(1),
                false => Constraint::Length(widest.min((area.width / 2).max(8))),
            }
        })
        .collect();
    let table = Table::new(rows.into_iter().map(Row::new), columns)
        .header(Row::new(head).style(Theme::title()))
        .row_highlight_style(Theme::bar());
    frame.render_stateful_widget(
        table,
        area,
        &mut TableState::new().with_selected(Some(chosen)),
    );
    frame.render_widget(whole, below); // the columns are cut
}

/// Why a list is empty.
fn nothing(tab: Tab, is_recording: bool) -> &'static str {
    match tab {
        Tab::Calls if is_recording => {
            "The recording has no open functions: `r` in `top` records them, and what it watches."
        }
        Tab::Threads => "No thread.",
        Tab::Queues => "Nobody waits at a queue.",
        Tab::Locks => "Nobody waits for a lock.",
        Tab::Signals => "Nobody waits for a signal.",
        Tab::Calls => "No open function was called yet; `c` counts the calls of those that are.",
        Tab::Warnings => "Nothing looks wrong.",
        Tab::Events => "Nothing has happened yet; `w` watches calls of open functions.",
        Tab::Processes => "No child process.",
    }
}

fn bottom(model: &Model) -> String {
    match &model.mode {
        Mode::Stop { path, .. } => format!("Ask `{}` and all below it to stop? y/n", clean(path)),
        Mode::Type { wanted, text } => {
            let question = match wanted {
                Wanted::Watch => "Watch which functions (as app::**)?",
                Wanted::Count => "Count the calls of which functions?",
                Wanted::Filter => "Only threads whose path has:",
            };
            format!("{question} {}_", clean(text))
        }
        Mode::Help | Mode::Details => "any key closes it".to_owned(),
        Mode::Look if !model.notice.is_empty() => model.notice.clone(),
        Mode::Look if model.replay.is_some() => {
            "space play/hold  left/right step  +/- speed  s sort  / find  ? help  q quit".to_owned()
        }
        Mode::Look => {
            "q quit  ? help  s sort  / find  p hold  w watch  c count  x stop  r record".to_owned()
        }
    }
}

fn details(thread: &ThreadInfo, model: &Model) -> Vec<Line<'static>> {
    let mut rows = vec![
        ("path", clean(&thread.path).into_owned()),
        ("number", thread.number.to_string()),
        (
            "state",
            format!("{} for {}", clean(&thread.state), length(thread.age_us)),
        ),
    ];
    if let Some(id) = thread.os_id {
        let of = match thread.process {
            true => "a child process".to_owned(),
            false => format!("of process {}", model.hello.pid),
        };
        rows.push(("OS id", format!("{id}, {of}")));
    }
    if let Some(cpu) = thread.cpu {
        let text = format!(
            "{}; {} ready without one",
            length(cpu.used_us),
            length(cpu.ready_us)
        );
        rows.push(("processor", text));
    }
    if let Some(why) = &thread.asked {
        let ago = thread.asked_us.map(|us| format!(", {} ago", length(us)));
        rows.push((
            "to stop",
            format!("{}{}", clean(why), ago.unwrap_or_default()),
        ));
    }
    if let Some(waits) = &thread.waits {
        rows.push(("waits for", subject(waits)));
        rows.push(("since", length(waits.for_us)));
        rows.push(("at", clean(&waits.at).into_owned()));
    }
    let about = model
        .picture
        .warnings
        .iter()
        .filter(|it| it.thread == thread.path);
    rows.extend(about.map(|it| ("warning", clean(&it.text).into_owned())));
    rows.into_iter()
        .map(|(name, text)| {
            Line::from(vec![
                Span::styled(format!("{name:<10} "), Theme::title()),
                Span::raw(text),
            ])
        })
        .collect()
}

/// Lines over the rest, in the middle.
fn popup(frame: &mut Frame<'_>, title: &'static str, lines: Vec<Line<'static>>) {
    let area = frame.area();
    let inner = area.width.saturating_sub(6).max(1);
    let wanted = lines.iter().map(Line::width).max().unwrap_or(0);
    let wide = u16::try_from(wanted).unwrap_or(u16::MAX).min(inner);
    let rows: usize = lines
        .iter()
        .map(|line| line.width().div_ceil(usize::from(wide.max(1))).max(1))
        .sum();
    let size = (
        wide.saturating_add(2),
        u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2),
    );
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect::new(
        (area.width - width) / 2,
        (area.height - height) / 2,
        width,
        height,
    );
    frame.render_widget(Clear, place);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(text.block(Block::bordered().title(title)), place);
}
