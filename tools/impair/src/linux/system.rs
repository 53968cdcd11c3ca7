//! What rustix has not: making a TUN device, signals as a file, real-time scheduling. The only home of `unsafe` here.

use std::fs::OpenOptions;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

pub const TUN: &str = "/dev/net/tun";

/// Makes a TUN device of this name, of at most 15 letters, in the calling thread's network namespace. It carries bare IP
/// packets, never waits, and is gone when the file is closed.
pub fn make_tun(name: &str) -> io::Result<OwnedFd> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(TUN)?;
    // SAFETY: all zeroes is a valid ifreq: plain numbers, and a union of such and of pointers that may be null.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the file is open, and TUNSETIFF reads and writes one ifreq, which lives until after the call.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &mut request) };
    match result {
        0 => Ok(file.into()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Signals that no longer interrupt but can be read. Threads and programs started later get none of them either, but for
/// those of [`Signals::leave_to`]; a thread that was there before would still be hit, and with it the process.
pub struct Signals {
    fd: OwnedFd,
    before: libc::sigset_t,
}

/// A signal that came.
#[derive(Clone, Copy, Debug)]
pub struct Caught {
    pub number: i32,
    /// By a key at the terminal, so that a command in the foreground has got it too.
    pub from_terminal: bool,
}

impl Signals {
    pub fn block(numbers: &[i32]) -> io::Result<Signals> {
        // SAFETY: sigset_t is a bit field for which all zeroes is valid, and it is emptied properly before use.
        let mut set: libc::sigset_t = unsafe { mem::zeroed() };
        // SAFETY: the set is a local that outlives these calls; numbers that are no signals are refused with an error,
        // which is harmless.
        unsafe {
            libc::sigemptyset(&mut set);
            for number in numbers {
                libc::sigaddset(&mut set, *number);
            }
        }
        let mut before = set;
        // SAFETY: both sets are locals that outlive the call.
        let refused = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut before) };
        if refused != 0 {
            return Err(io::Error::from_raw_os_error(refused));
        }
        // SAFETY: -1 asks for a new file, and the set is valid.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the file was just opened, and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Signals { fd, before })
    }

    /// This program shall get signals as if they had never been blocked.
    pub fn leave_to(&self, command: &mut Command) {
        let before = self.before;
        let restore = move || {
            // SAFETY: the set is the closure's own, and a null pointer says that the old mask is not wanted.
            match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) }
            {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        };
        // SAFETY: between fork and exec only functions that are safe in signal handlers may be called: the closure calls
        // one such, takes no lock and allocates nothing.
        unsafe { command.pre_exec(restore) };
    }

    /// The next one that came, if any.
    pub fn next(&self) -> Option<Caught> {
        let mut info = [0u8; mem::size_of::<libc::signalfd_siginfo>()];
        let read = rustix::io::read(&self.fd, &mut info[..]).ok()?;
        // The kernel's structure begins with signal number, errno and code.
        let number = |at: usize| info[at..at + 4].try_into().map(i32::from_ne_bytes).ok();
        (read == info.len()).then_some(())?;
        Some(Caught {
            number: number(0)?,
            from_terminal: number(8)? == libc::SI_KERNEL,
        })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// SCHED_RR for the calling thread, not for what it starts.
pub fn go_realtime() -> io::Result<()> {
    // Above nothing but ordinary threads.
    let parameters = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: 0 means the calling thread; the parameters are a local that outlives the call.
    match unsafe { libc::sched_setscheduler(0, policy, &parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
