//! Is a combination set? The truth of `any` and `all`, computed from their operands without recursion.
//!
//! The invariants that are cited stand in [`signal`](super::signal) and [`combine`](super::combine).

use crate::primitive::atomic::Ordering::Acquire;
use crate::signal::combine::drop_operands;
use crate::signal::links::{Body, Links, Watch};
use crate::signal::signal::{DERIVED, SET, Signal, Tag};

/// Is the combination set? Called when its flag does not say so.
#[cold]
pub(super) fn is_set(signal: &Signal) -> bool {
    let mut links = signal.0.links.lock();
    if links.is_set() {
        return true;
    }
    let because = match look(&links, signal.0.tag) {
        Look::No => return false,
        Look::Yes(because) => because.clone(),
        Look::Deeper => {
            drop(links);
            let Some(because) = evaluate(signal) else {
                return false;
            };
            links = signal.0.links.lock();
            because
        }
    };
    // Remember it, unless somebody hangs on it: then the setter of the operand fires it.
    if links.is_empty() {
        let taken = (signal.0).take_with(&mut links, || Body::Because(because));
        drop(links);
        if let Some(taken) = taken {
            // Taken under the lock, dropped outside: an operand may own the user's closures.
            drop_operands(taken.body);
        }
    }
    true
}

/// What the operands say that one sees at once.
enum Look<'a> {
    No,
    /// By this operand.
    Yes(&'a Signal),
    Deeper,
}

/// Looks at the operands themselves, without any allocation: enough in the usual case.
fn look(links: &Links, tag: Tag) -> Look<'_> {
    let (Some(operands), any) = (links.body.held(), tag == Tag::Any) else {
        return Look::Deeper;
    };
    let mut last = None;
    for operand in operands {
        let state = operand.0.state.load(Acquire);
        match (any, state & SET != 0, state & DERIVED != 0) {
            (true, true, _) => return Look::Yes(operand),
            (true, false, false) => {}
            (false, false, false) => return Look::No,
            (false, true, _) => last = Some(operand),
            (_, false, true) => return Look::Deeper,
        }
    }
    match last {
        Some(last) => Look::Yes(last),
        None => Look::No, // an `any`: an `all` has operands, and each of them was set
    }
}

/// The operand, at any depth, that makes the combination true.
pub(super) fn evaluate(root: &Signal) -> Option<Signal> {
    struct Visit {
        any: bool,
        operands: Vec<Signal>,
        next: usize,
        because: Option<Signal>,
    }
    fn visit(signal: &Signal) -> Visit {
        let operands = match &signal.0.links.lock().body {
            Body::Watched(watched) => watched.iter().map(Watch::operand).collect(),
            body => body.held().unwrap_or_default().to_vec(),
        };
        Visit {
            any: signal.0.tag == Tag::Any,
            operands,
            next: 0,
            because: None,
        }
    }
    let mut stack = vec![(root.clone(), visit(root))];
    let mut found: Option<Option<Signal>> = None; // what the visit that just ended says
    loop {
        let Some((signal, top)) = stack.last_mut() else {
            return found.flatten();
        };
        if signal.0.state.load(Acquire) & SET != 0 {
            found = Some(Some(signal.clone()));
            stack.pop();
            continue;
        }
        match found.take() {
            Some(Some(because)) => {
                top.because = Some(because);
                if top.any {
                    found = Some(top.because.take());
                    stack.pop();
                    continue;
                }
            }
            Some(None) if !top.any => {
                found = Some(None);
                stack.pop();
                continue;
            }
            _ => {}
        }
        let Some(operand) = top.operands.get(top.next).cloned() else {
            found = Some(if top.any { None } else { top.because.take() });
            stack.pop();
            continue;
        };
        top.next += 1;
        let state = operand.0.state.load(Acquire);
        if state & SET != 0 {
            found = Some(Some(operand));
        } else if state & DERIVED == 0 {
            found = Some(None);
        } else {
            let inner = visit(&operand);
            stack.push((operand, inner));
        }
    }
}
