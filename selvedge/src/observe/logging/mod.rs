//! One readable line for each event and record, written by a thread of its own.
