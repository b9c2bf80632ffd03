//! The progress of a defragmentation. It is kept outside of the card, so that it continues while another part of the
//! page is shown.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use shared::{DefragmentLine, DefragmentResponse, Defragmented, MemberId};

use crate::api::{self, ApiError};
use crate::clock::now_ms;
use crate::model::cluster::Who;
use crate::pages::cluster::store::ClusterStore;

/// How often it is checked whether the user asked to stop.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// The state of one member.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pages::cluster) enum Step {
    Waiting,
    /// Since a time of the browser's clock.
    Running(f64),
    Done(Box<Defragmented>),
}

/// A defragmentation, running or ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pages::cluster) struct Run {
    /// The members in their order.
    pub(super) members: Vec<(Who, Step)>,
    pub(super) ended: Option<Ended>,
    /// Whether the user asked to stop.
    pub(super) stopping: bool,
}

/// How a defragmentation ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pages::cluster) enum Ended {
    Response(Box<DefragmentResponse>),
    Error(ApiError),
    /// The user stopped it. The result of the member that was in progress is not known.
    Stopped,
}

/// The last defragmentation, if there was one.
#[derive(Clone, Copy)]
pub(in crate::pages::cluster) struct Progress {
    run: RwSignal<Option<Run>>,
}

impl Progress {
    pub(in crate::pages::cluster) fn new() -> Self {
        Self {
            run: RwSignal::new(None),
        }
    }

    pub(super) fn run(self) -> Signal<Option<Run>> {
        self.run.into()
    }

    /// Whether members are being defragmented.
    pub(super) fn is_running(self) -> bool {
        let running = |run: &Option<Run>| run.as_ref().is_some_and(|run| run.ended.is_none());
        self.run.with(running)
    }

    /// Starts no further member.
    pub(super) fn stop(self) {
        self.update(|run| run.stopping = true);
    }

    fn update(self, change: impl FnOnce(&mut Run)) {
        self.run.try_update(|run| run.as_mut().map(change));
    }

    fn set_step(self, id: MemberId, name: &str, step: Step) {
        self.update(|run| {
            if let Some((_, known)) = run.members.iter_mut().find(|(who, _)| who.id == id) {
                *known = step;
                return;
            }
            // Learners, which are skipped, are not in the plan.
            let who = Who {
                id,
                name: name.to_owned(),
                url: None,
            };
            run.members.push((who, step));
        });
    }

    fn apply(self, line: DefragmentLine) {
        match line {
            DefragmentLine::Members(members) => self.update(|run| {
                let who = |member: shared::ListedMember| Who {
                    id: member.id,
                    name: member.name,
                    url: member.client_urls.into_iter().next(),
                };
                let members = members.into_iter().map(who);
                run.members = members.map(|who| (who, Step::Waiting)).collect();
            }),
            DefragmentLine::Started(id) => self.set_step(id, "", Step::Running(now_ms())),
            DefragmentLine::Finished(done) => {
                let (id, name) = (done.id, done.name.clone());
                self.set_step(id, &name, Step::Done(Box::new(done)));
            }
            DefragmentLine::End(response) => {
                // Members that were not started are only in the whole result.
                for done in &response.members {
                    self.set_step(done.id, &done.name, Step::Done(Box::new(done.clone())));
                }
                self.update(|run| run.ended = Some(Ended::Response(Box::new(response))));
            }
            DefragmentLine::Error(problem) => {
                let error = ApiError::Problem(problem);
                self.update(|run| run.ended = Some(Ended::Error(error)));
            }
        }
    }
}

/// Starts a defragmentation of members; `all` leaves the choice to the gateway.
pub(in crate::pages::cluster) fn start(store: ClusterStore, members: Vec<Who>, all: bool) {
    let progress = store.defragmentation;
    if untrack(|| progress.is_running()) {
        return;
    }
    let ids = (!all).then(|| members.iter().map(|who| who.id).collect());
    progress.run.set(Some(Run {
        members: members
            .into_iter()
            .map(|who| (who, Step::Waiting))
            .collect(),
        ended: None,
        stopping: false,
    }));
    store.scope.spawn(async move {
        let ended = follow(progress, ids).await;
        progress.update(|run| {
            if run.ended.is_none() {
                run.ended = Some(match ended {
                    Some(Err(error)) => Ended::Error(error),
                    // A stream without its last line has broken off.
                    Some(Ok(())) => Ended::Error(ApiError::Unreachable),
                    None => Ended::Stopped,
                });
            }
        });
        if let Some(Ended::Error(error)) = progress.run.get_untracked().and_then(|run| run.ended) {
            store.permission.observe(&error);
        }
        store.refresh();
    });
}

/// Follows the stream; `None` once the user asked to stop. Dropping the request makes the gateway finish the member in
/// progress and start no further one.
async fn follow(progress: Progress, ids: Option<Vec<MemberId>>) -> Option<Result<(), ApiError>> {
    let mut stream = pin!(api::maintenance::defragment(ids, move |line| {
        progress.apply(line);
    }));
    loop {
        let mut tick = pin!(sleep(STOP_CHECK));
        let ended = poll_fn(|context| match stream.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending => tick.as_mut().poll(context).map(|()| None),
        });
        let ended = ended.await;
        if ended.is_some() {
            return ended;
        }
        let stopping = |run: &Option<Run>| run.as_ref().is_some_and(|run| run.stopping);
        if progress.run.try_with_untracked(stopping) == Some(true) {
            return None;
        }
    }
}
