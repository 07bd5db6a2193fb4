//! Tells a service manager how this process is: the protocol of sd_notify(3), as systemd speaks it.
//!
//! Without `NOTIFY_SOCKET` in the environment there is no manager, and nothing is told.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager that started this process, if one did.
#[derive(Clone, Debug)]
pub struct ServiceManager {
    is_there: bool,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one of this process, as its environment says.
    pub fn of_process() -> ServiceManager {
        let is_there = std::env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = sd_notify::watchdog_enabled();
        let watchdog = watchdog.filter(|time| is_there && !time.is_zero());
        ServiceManager { is_there, watchdog }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// How often it is to be told that the process is [`alive`](ServiceManager::alive): twice in
    /// the time after which it ends a process that is silent. Nothing where it does not.
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2)
    }

    /// The process does its work: it has started, or is done with a reload.
    ///
    /// # Errors
    ///
    /// The manager cannot be reached. So it is with all of these.
    pub fn ready(&self) -> io::Result<()> {
        self.tell(&[NotifyState::Ready])
    }

    /// The process reads its configuration again. [`ready`](ServiceManager::ready) ends that.
    pub fn reloading(&self) -> io::Result<()> {
        self.tell(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
    }

    /// The process was told to stop, and does so.
    pub fn stopping(&self) -> io::Result<()> {
        self.tell(&[NotifyState::Stopping])
    }

    /// The process moves. See [`alive_every`](ServiceManager::alive_every).
    pub fn alive(&self) -> io::Result<()> {
        self.tell(&[NotifyState::Watchdog])
    }

    /// How the process is, in one line for people.
    pub fn status(&self, line: &str) -> io::Result<()> {
        self.tell(&[NotifyState::Status(&line.replace('\n', " "))])
    }

    fn tell(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        if self.is_there { sd_notify::notify(states) } else { Ok(()) }
    }
}
