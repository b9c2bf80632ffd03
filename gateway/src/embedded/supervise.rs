//! `watchgate supervise`: runs one program for a gateway and ends it when the gateway has ended,
//! for whatever reason.
//!
//! The gateway holds the write end of the pipe at our stdin. The system closes it when the gateway
//! ends, even after `kill -9`; that is the signal to end the program. Our stdout is the locked file of
//! the data folder: it is passed on as the program's stdin, so that the lock is held exactly as long
//! as a process may write to the data. So nothing may be printed here.
//!
//! If the supervisor itself is killed, the kernel kills the program (Linux). Only the process that
//! becomes the program can request this, so the supervisor starts itself once more and that process
//! then executes the program.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// How long the program may take to end after SIGTERM. etcd waits up to 7 s for open streams.
pub const GRACE: Duration = Duration::from_secs(10);

/// Runs `command` (the program, then its arguments) until it exits, the pipe at stdin closes, or a signal
/// arrives. Returns the program's exit code, or 128 + n if signal n ended it.
#[tokio::main(flavor = "current_thread")]
pub async fn supervise(command: &[OsString]) -> io::Result<ExitCode> {
    let gateway = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                "`supervise` is for internal use: a gateway starts it",
            )
        })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let lock: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;

    // From the main thread: the kernel's parent-death signal is bound to the thread.
    let mut program = Command::new(std::env::current_exe()?)
        .args([
            "supervise",
            "--under",
            &std::process::id().to_string(),
            "--",
        ])
        .args(command)
        .stdin(Stdio::from(lock))
        .stdout(Stdio::null())
        .spawn()?;
    tokio::select! {
        status = program.wait() => return Ok(exit_code(status?)),
        () = closed(gateway) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    end(&mut program).await.map(exit_code)
}

/// Executes `command` in place of this process, after asking the kernel to kill it when its parent, the
/// supervisor with the process id `parent`, ends. Returns only on failure.
pub fn become_program(parent: i32, command: &[OsString]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::new(
            io::ErrorKind::InvalidInput,
            "the program to run is required",
        );
    };
    #[cfg(target_os = "linux")]
    {
        // Not SIGTERM: no process is left to follow up with SIGKILL. etcd's data survives it.
        if let Err(errno) = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL) {
            return errno.into();
        }
    }
    if Pid::parent() != Pid::from_raw(parent) {
        return io::Error::other("the supervisor ended before its program started");
    }
    std::process::Command::new(program).args(arguments).exec()
}

/// Waits until the other end of the pipe is closed.
async fn closed(mut pipe: pipe::Receiver) {
    let mut ignored = [0; 64];
    while matches!(pipe.read(&mut ignored).await, Ok(read) if read > 0) {}
}

async fn end(program: &mut Child) -> io::Result<ExitStatus> {
    if let Some(id) = program.id() {
        // An error means that it has ended already, which `wait` reports.
        let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGTERM);
    }
    if let Ok(status) = tokio::time::timeout(GRACE, program.wait()).await {
        return status;
    }
    program.start_kill()?;
    program.wait().await
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
