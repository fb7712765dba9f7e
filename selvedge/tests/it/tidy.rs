//! The rules of the house, where a machine can check them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Parts by layer, lowest first. Neighbours in a row may not import each other.
const LAYERS: &[&[&str]] = &[
    &["primitive"],
    &["probe"],
    &["ambient"],
    &["signal"],
    &["sync", "io"],
    &["thread", "shared"],
    &["process", "call"],
    &["observe"],
    &["program", "testing"],
];

/// A source file, with its path from the crate's root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines that are code, or that a doc comment shows.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim)
    }

    fn part(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        inside.split_once('/').map(|(part, _)| part)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Every Rust file below `folder` of this crate.
fn sources(folder: &str) -> Vec<Source> {
    sources_of(&root(), folder)
}

fn sources_of(package: &Path, folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![package.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the crate") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let path = path.strip_prefix(package).expect("below the package");
                found.push(Source {
                    path: path.to_string_lossy().into_owned(),
                    text,
                });
            }
        }
    }
    assert!(!found.is_empty(), "no sources below `{folder}`");
    found
}

/// Every Rust file of the workspace, tests and examples as well.
fn all_sources() -> Vec<Source> {
    let packages = [
        (root(), &["src", "tests", "examples"][..]),
        (root().join("../selvedge-macros"), &["src"]),
        (
            root().join("../selvedge-cli"),
            &["src", "tests", "examples"],
        ),
        (root().join("../formulas"), &["src", "tests"]),
        (root().join("../formulas/extra-plugin"), &["src", "tests"]),
        (root().join("../examples/http"), &["src", "tests"]),
        (root().join("../bench-compare"), &["src"]),
        (root().join("../fuzz"), &["fuzz_targets"]),
    ];
    packages
        .iter()
        .flat_map(|(package, folders)| folders.iter().flat_map(|it| sources_of(package, it)))
        .collect()
}

fn layer_of(part: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&part))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("..").join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The parts that `text` names as `crate::part`.
fn imported(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn imports_point_down() {
    let mut arrows = 0;
    for file in sources("src") {
        let Some(part) = file.part() else { continue }; // lib.rs, macros.rs, __private.rs
        let here = layer_of(part).unwrap_or_else(|| panic!("{}: no layer has `{part}`", file.path));
        // Links of the documentation may point anywhere.
        let code: String = file
            .lines()
            .filter(|line| !line.starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        for other in imported(&code).filter(|other| *other != part) {
            let Some(there) = layer_of(other) else {
                continue;
            };
            arrows += 1;
            assert!(
                there < here,
                "{}: layer {here} may not import `{other}` ({there})",
                file.path
            );
        }
    }
    assert!(
        arrows > 50,
        "the test found only {arrows} imports: it is blind"
    );
}

#[test]
fn every_file_opens_with_what_it_is() {
    for file in all_sources() {
        let is_compile_test = file.path.starts_with("tests/ui/");
        assert!(
            file.text.starts_with("//!") || is_compile_test,
            "{} has no head",
            file.path
        );
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for file in all_sources() {
        let n = file.text.lines().count();
        assert!(
            n <= 500,
            "{}: {n} lines; is there a second file inside?",
            file.path
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    // Spelled apart, so that this file does not find itself.
    let words = [
        "todo!(",
        "unimplemented!(",
        "dbg!(",
        "#[ignore",
        "FIX ME",
        "TO DO",
    ];
    let words = words.map(|word| word.replace(' ', ""));
    let packages = [
        root(),
        root().join("../selvedge-macros"),
        root().join("../selvedge-cli"),
        root().join("../formulas"),
        root().join("../examples/http"),
    ];
    for package in packages {
        for file in sources_of(&package, "src") {
            for word in &words {
                assert!(!file.text.contains(word), "{}: `{word}`", file.path);
            }
        }
    }
}

#[test]
fn only_primitive_names_the_schedulers_and_std_sync() {
    let allowed = [
        "std::sync::atomic",
        "std::sync::PoisonError",
        "std::sync::{PoisonError",
    ];
    for file in sources("src") {
        if file.part() == Some("primitive") {
            continue;
        }
        for line in file.lines().filter(|line| !line.starts_with("//")) {
            let mut line = line.to_owned();
            for name in allowed {
                line = line.replace(name, "");
            }
            for name in ["std::sync", "std::thread::spawn", "loom::", "shuttle::"] {
                let is_isolate = file.path.ends_with("shared/isolate.rs"); // implements a trait for them
                assert!(
                    !line.contains(name) || is_isolate,
                    "{}: `{name}`",
                    file.path
                );
            }
        }
    }
}

#[test]
fn atomics_of_std_stand_only_where_the_architecture_says() {
    let invariant = section("1. **Only `primitive` names", "2. **One way to sleep");
    let (_, parts) = invariant.split_once("atomics in ").expect("it says where");
    let (parts, _) = parts.split_once(", in statics").expect("it ends there");
    let listed: BTreeSet<&str> = parts
        .split(", ")
        .map(|part| part.trim_matches('`'))
        .collect();
    let files = sources("src");
    let named = ["core::sync::atomic", "std::sync::atomic"];
    let names = |file: &&Source| {
        let mut code = file.lines().filter(|line| !line.starts_with("//"));
        code.any(|line| named.iter().any(|name| line.contains(name)))
    };
    let found: BTreeSet<&str> = files
        .iter()
        .filter(names)
        .filter_map(|file| file.part())
        .collect();
    let found: BTreeSet<&str> = found
        .into_iter()
        .filter(|part| *part != "primitive")
        .collect();
    assert_eq!(listed, found);
}

#[test]
fn unsafe_stands_only_where_the_architecture_says() {
    let listed: BTreeSet<String> = section("## Unsafe", "## Dependencies")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(path, _)| format!("src/{path}"))
        .collect();
    let found: BTreeSet<String> = sources("src")
        .into_iter()
        .filter(|file| {
            file.lines()
                .any(|line| !line.starts_with("//") && line.contains("unsafe "))
        })
        .map(|file| file.path)
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn globals_are_those_that_the_architecture_lists() {
    let mut listed = BTreeSet::new();
    for line in section("## Globals", "## Unsafe")
        .lines()
        .filter(|line| line.starts_with("| `"))
    {
        let mut cells = line.split('|').skip(1);
        let (names, files) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        let ticked = |text: &str| -> Vec<String> {
            text.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let files = ticked(files);
        for name in ticked(names) {
            for file in &files {
                let folder = files[0].rsplit_once('/').map_or("", |(folder, _)| folder);
                let path = if file.contains('/') {
                    file.clone()
                } else {
                    format!("{folder}/{file}")
                };
                listed.insert(format!("{path}: {name}"));
            }
        }
    }
    let mut found = BTreeSet::new();
    for file in sources("src") {
        let path = file.path.trim_start_matches("src/").to_owned();
        // What the macros of users expand to is the users'.
        if path == "macros.rs" {
            continue;
        }
        for line in file.lines().filter(|line| !line.starts_with("//")) {
            let Some((before, after)) = line.split_once("static ") else {
                continue;
            };
            let is_item = before.is_empty() || before.starts_with("pub") || before.ends_with("{ ");
            let after = after.trim_start_matches("ref ");
            let end = after
                .find(|c: char| !c.is_ascii_uppercase() && c != '_')
                .unwrap_or(0);
            if is_item && end > 1 && after[end..].starts_with(':') {
                found.insert(format!("{path}: {}", &after[..end]));
            }
        }
    }
    assert_eq!(found, listed);
}

fn section(from: &str, to: &str) -> String {
    let text = document("ARCHITECTURE.md");
    let start = text.find(from).unwrap_or_else(|| panic!("no `{from}`"));
    let end = text[start..]
        .find(to)
        .unwrap_or_else(|| panic!("no `{to}`"));
    text[start..start + end].to_owned()
}

#[test]
fn the_first_program_is_the_same_everywhere() {
    let example = fs::read_to_string(root().join("examples/greeter.rs")).expect("the example");
    let program = example
        .split_once("\n\n")
        .expect("a head and a program")
        .1
        .trim_end();
    assert!(
        program.lines().count() <= 25,
        "{} lines",
        program.lines().count()
    );
    assert!(
        document("README.md").contains(program),
        "README.md has another first program"
    );
    let head = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    let shown = head.lines().filter_map(|line| line.strip_prefix("//!"));
    let shown: Vec<_> = shown
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    assert!(
        shown.join("\n").contains(program),
        "lib.rs has another first program"
    );
}

#[test]
fn versions_agree() {
    let workspace = document("Cargo.toml");
    let version = workspace
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .expect("a version");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let pinned = format!("version = \"={version}\"");
    assert_eq!(
        manifest.matches(&pinned).count(),
        2,
        "selvedge-macros is not pinned to {version}"
    );
    assert!(
        document("CHANGELOG.md").contains(version),
        "CHANGELOG.md does not know {version}"
    );
}

/// The numbers that comments in `line` say they are a test of: `// 1, 2: ..; 3: ..`, `// catalogue 1, 2`.
fn lines_tested(line: &str) -> Vec<usize> {
    let Some((_, comment)) = line.split_once("//") else {
        return Vec::new();
    };
    let comment = comment.trim_start_matches(['/', '!']).trim();
    let comment = comment.to_lowercase();
    let comment = comment.strip_prefix("catalogue ").unwrap_or(&comment);
    let mut numbers = Vec::new();
    for part in comment.split("; ") {
        let is_text = |c: char| !c.is_ascii_digit() && !", ".contains(c);
        let (listed, rest) = part.split_at(part.find(is_text).unwrap_or(part.len()));
        if rest.is_empty() || rest.starts_with([':', ';']) || listed.ends_with(", ") {
            numbers.extend(listed.split(", ").filter_map(|n| n.parse::<usize>().ok()));
        }
    }
    numbers
}

/// Each line of the catalogue has a test that says so, or a reason to have none.
#[test]
fn every_line_of_the_catalogue_is_tested_or_explained() {
    const LINES: usize = 308;
    let tests = sources("tests");
    let tested = tests.iter().flat_map(Source::lines).flat_map(lines_tested);
    let tested: BTreeSet<usize> = tested.collect();
    let table = fs::read_to_string(root().join("tests/CATALOGUE.md")).expect("the table");
    let (without, _) = table
        .split_once("## Lines that are tested")
        .expect("two tables");
    let mut explained = BTreeSet::new();
    let cells = without
        .lines()
        .filter_map(|row| row.strip_prefix("| ")?.split(" | ").next());
    for range in cells.flat_map(|cell| cell.split(", ")) {
        let (first, last) = range.split_once(" - ").unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse()) {
            explained.extend(first..=last);
        }
    }
    let neither = (1..=LINES).filter(|n| !tested.contains(n) && !explained.contains(n));
    assert_eq!(
        neither.collect::<Vec<_>>(),
        Vec::<usize>::new(),
        "no test, and no reason"
    );
}
