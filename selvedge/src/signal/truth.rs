//! Is a combination set? The truth of `any` and `all`, computed from their operands without recursion.
//!
//! The invariants that are cited stand in [`signal`](super::signal) and [`combine`](super::combine).

use crate::primitive::atomic::Ordering::{AcqRel, Acquire};
use crate::signal::combine::{Operands, Watch, drop_operands};
use crate::signal::reason::Reason;
use crate::signal::signal::{DERIVED, Kind, SET, Signal};

/// Is the combination set? Called when its flag does not say so.
#[cold]
pub(super) fn is_set(signal: &Signal) -> bool {
    if let Some(shallow) = is_set_shallow(signal) {
        return shallow;
    }
    let Some(because) = evaluate(signal) else {
        return false;
    };
    // Remember it, unless somebody hangs on it: then the setter of the operand fires it.
    let state = &signal.0.state;
    if state
        .compare_exchange(DERIVED, DERIVED | SET, AcqRel, Acquire)
        .is_ok()
    {
        if let Some(reason) = because.reason() {
            let _ = signal.0.reason.set(reason);
        }
        // Taken under the lock, dropped outside: an operand may own the user's closures.
        let operands = core::mem::take(&mut signal.0.links.lock().operands);
        drop_operands(operands);
    }
    true
}

/// `Some(false)` without any allocation in the usual case: plain operands, none of them decisive.
fn is_set_shallow(signal: &Signal) -> Option<bool> {
    let links = signal.0.links.lock();
    let Operands::Held(operands) = &links.operands else {
        return None;
    };
    for operand in operands {
        let state = operand.0.state.load(Acquire);
        match (&signal.0.kind, state & SET != 0, state & DERIVED != 0) {
            (Kind::All, false, false) => return Some(false),
            (Kind::Any, false, false) | (Kind::All, true, _) => {}
            _ => return None,
        }
    }
    if matches!(signal.0.kind, Kind::Any) {
        Some(false)
    } else {
        None
    }
}

/// The operand, at any depth, that makes the combination true.
fn evaluate(root: &Signal) -> Option<Signal> {
    struct Visit {
        any: bool,
        operands: Vec<Signal>,
        next: usize,
        because: Option<Signal>,
    }
    fn visit(signal: &Signal) -> Visit {
        let operands = match &signal.0.links.lock().operands {
            Operands::None => Vec::new(),
            Operands::Held(held) => held.to_vec(),
            Operands::Watched(watched) => watched.iter().map(Watch::operand).collect(),
        };
        Visit {
            any: matches!(signal.0.kind, Kind::Any),
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

/// The reason of a combination that is true although its own setter has not come that far.
pub(super) fn pending_reason(signal: &Signal) -> Option<Reason> {
    if signal.0.state.load(Acquire) & (SET | DERIVED) != DERIVED {
        return None;
    }
    evaluate(signal)?.reason()
}
