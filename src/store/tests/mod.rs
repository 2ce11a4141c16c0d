//! What can only be seen from inside: how much work a query is, and when readings and logs end.

mod depths;
mod history;
mod steps;
mod watch;
