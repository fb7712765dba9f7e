//! Where the time goes: calls and times of open functions, named blocks and threads.
