//! The part of the dashboard's model that writes command lines, compiled here so that the lines can be run.
//! The dashboard itself is a program for a browser and not a library. Its sources refer to this module as
//! `crate::model`.

#[path = "../../frontend/src/model/command/mod.rs"]
pub(crate) mod command;
#[expect(dead_code, reason = "the dashboard uses the rest")]
#[path = "../../frontend/src/model/key_text/mod.rs"]
pub(crate) mod key_text;
#[expect(dead_code, reason = "the dashboard uses the rest")]
#[path = "../../frontend/src/model/locks/command.rs"]
pub(crate) mod lock_command;
#[path = "../../frontend/src/model/percent/mod.rs"]
pub(crate) mod percent;
