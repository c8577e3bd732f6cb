//! One invocation of a function: who is calling AWS, until when, and what happens to it meanwhile.
//!
//! It is known to every call that the function makes, because a function runs as one task. What happens to it is
//! decided at one of its calls and carried out by whoever runs it: a function that dies is dropped where it stands,
//! as Lambda's process would be, and nothing of it runs any more.

use crate::happening::Happening;
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::{Notify, mpsc, oneshot};

tokio::task_local! {
    static CURRENT: Arc<Invocation>;
}

/// One invocation of a function.
#[derive(Debug)]
pub struct Invocation {
    /// What it is for: `network.ensure`, `api.POST`, `operation.close`.
    pub label: String,
    /// Its request id.
    pub id: String,
    /// When it is ended.
    pub deadline: Timestamp,
    /// Lets its calls out one after the other.
    pub turnstile: tokio::sync::Mutex<()>,
    events: mpsc::UnboundedSender<Event>,
    /// Calls that are on their way.
    busy: AtomicUsize,
    /// Until when its pauses are.
    pauses: Mutex<BTreeSet<(Timestamp, u64)>>,
    changed: Notify,
}

/// How a function dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Its process ends.
    Exit,
    /// It hangs until it is ended.
    Timeout,
}

/// What an invocation came to.
#[derive(Debug)]
pub enum Ended<T> {
    /// It answered.
    Answered(T),
    /// It died.
    Died(Death),
}

/// What happens to a function at one of its calls.
#[derive(Debug)]
pub enum Event {
    /// It dies.
    Dies(Death),
    /// Something happens while it waits for this call.
    Meanwhile(Happening, oneshot::Sender<()>),
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Invocation {
    /// A new invocation, and what will happen to it.
    pub fn new(label: &str, deadline: Timestamp) -> (Arc<Invocation>, mpsc::UnboundedReceiver<Event>) {
        let (events, happens) = mpsc::unbounded_channel();
        let invocation = Invocation {
            label: label.to_owned(),
            id: format!("invocation-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            deadline,
            turnstile: tokio::sync::Mutex::default(),
            events,
            busy: AtomicUsize::new(0),
            pauses: Mutex::default(),
            changed: Notify::new(),
        };
        (Arc::new(invocation), happens)
    }

    /// The invocation that is running.
    pub fn current() -> Arc<Invocation> {
        CURRENT.try_with(Arc::clone).expect("AWS is called by functions only")
    }

    /// Runs a function's work as this invocation.
    pub async fn run<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// The function dies here.
    pub async fn die(&self, death: Death) -> ! {
        // Whoever runs it is still listening: it drops the function for this.
        let _ = self.events.send(Event::Dies(death));
        pending().await
    }

    /// Lets something happen while the function waits.
    pub async fn meanwhile(&self, happening: Happening) {
        let (done, wait) = oneshot::channel();
        let _ = self.events.send(Event::Meanwhile(happening, done));
        let _ = wait.await;
    }

    /// Counts a call that is on its way.
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(Arc::clone(self))
    }

    /// Waits until this is the next thing that can go on.
    pub async fn pause(self: &Arc<Self>, until: Timestamp) {
        let key = (until, COUNT.fetch_add(1, Ordering::Relaxed));
        self.pauses.lock().expect("no holder panics").insert(key);
        let _pause = Pause(self, key);
        loop {
            let changed = self.changed.notified();
            // What has an answer already goes on first.
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
            let is_next = self.pauses.lock().expect("no holder panics").first() == Some(&key);
            if is_next && self.busy.load(Ordering::SeqCst) == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// A call on its way.
#[derive(Debug)]
pub struct Busy(Arc<Invocation>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

/// A pause that lasts.
struct Pause<'a>(&'a Invocation, (Timestamp, u64));

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.pauses.lock().expect("no holder panics").remove(&self.1);
        self.0.changed.notify_waiters();
    }
}
