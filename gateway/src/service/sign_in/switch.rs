//! Whether etcd's auth is on: one question for all who want to know.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use crate::failure::Result;

/// How long an answer counts.
const KEPT: Duration = Duration::from_secs(2);

/// When etcd answered, and what.
type Answer = Result<(Instant, bool)>;
type Question = Shared<BoxFuture<'static, Answer>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Switch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<(Instant, bool)>,
    /// What etcd is asked right now. Held by those who wait for it alone, so that one whom nobody
    /// waits for any more is dropped and not found later, its time long over.
    question: Option<WeakShared<BoxFuture<'static, Answer>>>,
}

impl Switch {
    /// The answer of a moment ago, else that to `ask`: for whoever comes before it too, a failure as
    /// well. Waiting one after the other, each would wait for the questions of all before.
    pub(super) async fn is_on<F>(&self, ask: impl FnOnce() -> F) -> Result<bool>
    where
        F: Future<Output = Result<bool>> + Send + 'static,
    {
        let question = {
            let mut state = self.lock();
            if let Some((answered, on)) = state.answer
                && answered.elapsed() < KEPT
            {
                return Ok(on);
            }
            let asked = state.question.as_ref().and_then(WeakShared::upgrade);
            asked.unwrap_or_else(|| {
                let question = question(ask());
                state.question = question.downgrade();
                question
            })
        };
        let (answered, on) = question.await?;
        self.lock().answer = Some((answered, on));
        Ok(on)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn question(asking: impl Future<Output = Result<bool>> + Send + 'static) -> Question {
    let answer = async move { asking.await.map(|on| (Instant::now(), on)) };
    answer.boxed().shared()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, pending, ready};
    use shared::Code;
    use tokio::time::timeout;

    use super::*;
    use crate::failure::Failure;

    #[tokio::test]
    async fn one_question_answers_all_who_wait_and_a_failure_is_not_kept() {
        let (switch, asked) = (Switch::default(), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let asked = Arc::clone(&asked);
            async move {
                tokio::task::yield_now().await;
                asked.fetch_add(1, Ordering::Relaxed);
                Err(Failure::new(Code::Timeout, "frozen"))
            }
        };
        let answers = join_all((0..50).map(|_| switch.is_on(ask))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let on = switch.is_on(|| ready(Ok(true))).await;
        assert!(on.expect("asked anew"));
        let kept = switch.is_on(|| ready(Ok(false))).await;
        assert!(kept.expect("an answer of a moment ago"));
    }

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_is_asked_anew() {
        let switch = Switch::default();
        let gone = timeout(Duration::ZERO, switch.is_on(pending)).await;
        assert!(gone.is_err());
        let on = switch.is_on(|| ready(Ok(true))).await;
        assert!(on.expect("another question"));
    }
}
