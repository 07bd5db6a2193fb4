//! Signals, counted: one asks to stop, two demand it.

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How often it was asked to stop.
#[derive(Clone)]
pub struct Interrupts(watch::Receiver<u32>);

/// Ends what was set up to follow the second signal.
pub struct OnSecond(AbortHandle);

impl Interrupts {
    /// Nothing ever interrupts.
    pub fn never() -> Interrupts {
        Interrupts(watch::Sender::new(0).subscribe())
    }

    /// Counts what `sender` sends.
    pub fn of(sender: &watch::Sender<u32>) -> Interrupts {
        Interrupts(sender.subscribe())
    }

    /// Counts SIGINT and SIGTERM of this process. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Where the system does not let this process handle signals.
    pub fn of_process() -> std::io::Result<Interrupts> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    () = sender.closed() => return,
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Interrupts(receiver))
    }

    /// How often, so far.
    pub fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Returns once it was asked to stop.
    pub async fn first(&mut self) {
        self.reached(1).await;
    }

    /// Calls `f` when it is asked a second time, for as long as what this returns is kept.
    pub fn on_second(&self, f: impl FnOnce() + Send + 'static) -> OnSecond {
        let mut interrupts = self.clone();
        let task = tokio::spawn(async move {
            interrupts.reached(2).await;
            f();
        });
        OnSecond(task.abort_handle())
    }

    /// Returns once it was asked `times` times; never, where nobody is left to ask.
    pub async fn reached(&mut self, times: u32) {
        if self.0.wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for OnSecond {
    fn drop(&mut self) {
        self.0.abort();
    }
}
