//! The part of the dashboard's model that writes lines for a terminal, to run what it writes. The
//! dashboard itself is a program for a browser, and no library.

#[path = "../../frontend/src/model/command/mod.rs"]
pub(crate) mod command;
#[expect(dead_code, reason = "the dashboard uses the rest")]
#[path = "../../frontend/src/model/key_text/mod.rs"]
pub(crate) mod key_text;
#[expect(dead_code, reason = "the dashboard uses the rest")]
#[path = "../../frontend/src/model/locks/command.rs"]
pub(crate) mod lock_command;
#[path = "../../frontend/src/model/percent.rs"]
pub(crate) mod percent;
