//! The gateway's own account at etcd: a user name, and its password from a flag, a file or the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin};
use std::path::{Path, PathBuf};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::ConfigError;
use crate::etcd::{Credentials, Secret};

/// `NAME` or `NAME:PASSWORD`. `Debug` does not show the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password, if it was given with the name.
    pub password: Option<Secret>,
}

/// Splits at the first colon, as etcdctl does: a name has no colon, a password may.
///
/// Refuses nothing, since clap's error would show the whole value including the password.
#[expect(clippy::unnecessary_wraps, reason = "clap's parsers return a result")]
pub(super) fn parse_user(text: &str) -> Result<User, String> {
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(Secret::new(password))),
        None => (text, None),
    };
    Ok(User {
        name: name.to_owned(),
        password,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "clap's parsers return a result")]
pub(super) fn parse_secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// The account of a user, with the one password that is set. Prompts for it if none is.
pub(super) fn credentials(
    user: Option<&User>,
    password: Option<&Secret>,
    file: Option<&Path>,
) -> Result<Option<Credentials>, ConfigError> {
    let Some(user) = user else {
        return if password.is_some() || file.is_some() {
            Err(ConfigError::PasswordWithoutUser)
        } else {
            Ok(None)
        };
    };
    if user.name.is_empty() {
        return Err(ConfigError::NoName);
    }
    let password = match (&user.password, password, file) {
        (Some(password), None, None) | (None, Some(password), None) => password.clone(),
        (None, None, Some(file)) => from_file(file)?,
        (None, None, None) => prompt(&user.name)?,
        _ => return Err(ConfigError::TwoPasswords),
    };
    Ok(Some(Credentials {
        name: user.name.clone(),
        password,
    }))
}

/// The first line of a file.
fn from_file(path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::PasswordFile {
        path: PathBuf::from(path),
        source,
    })?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

/// Prompts for the password at the terminal, without echo.
fn prompt(name: &str) -> Result<Secret, ConfigError> {
    let missing = || ConfigError::NoPassword(name.to_owned());
    if !stdin().is_terminal() {
        return Err(missing());
    }
    let before = tcgetattr(stdin()).map_err(|_| missing())?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(stdin(), SetArg::TCSAFLUSH, &quiet).map_err(|_| missing())?;
    let _ = write!(stderr(), "Password of {name}: ");
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    let _ = tcsetattr(stdin(), SetArg::TCSAFLUSH, &before);
    let _ = writeln!(stderr());
    match read {
        Ok(1..) => Ok(Secret::new(line.trim_end_matches(['\r', '\n']))),
        _ => Err(missing()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_ends_at_the_first_colon() {
        let user = parse_user("root:a:b").expect("parses");
        assert_eq!(user.name, "root");
        assert_eq!(user.password, Some(Secret::new("a:b")));
        assert_eq!(parse_user("root").expect("parses").password, None);
        let unnamed = parse_user(":secret").expect("parses");
        let refused = credentials(Some(&unnamed), None, None).expect_err("the user name is empty");
        assert!(!format!("{refused} {refused:?}").contains("secret"));
        assert!(!format!("{user:?}").contains("a:b"));
    }

    #[test]
    fn exactly_one_password_is_accepted() {
        let user = parse_user("root:x").expect("parses");
        let other = Secret::new("y");
        let given = credentials(Some(&user), None, None).expect("complete");
        assert_eq!(given.map(|own| own.password), Some(Secret::new("x")));
        assert!(credentials(Some(&user), Some(&other), None).is_err());
        assert!(credentials(None, Some(&other), None).is_err());
        assert_eq!(credentials(None, None, None).expect("none"), None);
    }

    #[test]
    fn the_password_is_the_first_line_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, "s3 cret\n").expect("writes");
        let user = parse_user("root").expect("parses");
        let given = credentials(Some(&user), None, Some(&file)).expect("reads");
        assert_eq!(given.map(|own| own.password), Some(Secret::new("s3 cret")));
        let missing = folder.path().join("nothing");
        assert!(credentials(Some(&user), None, Some(&missing)).is_err());
    }
}
