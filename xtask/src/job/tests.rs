//! The order of items, and a failed one.

use std::time::Duration;

use super::*;

fn item(
    id: &'static str,
    lane: Lane,
    after: &'static [&'static str],
    install: impl FnOnce(&Job) -> Result<()> + Send + 'static,
) -> Item {
    Item {
        id,
        name: id.to_owned(),
        why: "a test",
        into: "nowhere".to_owned(),
        estimate: "immediate",
        lane,
        after,
        hint: "fix the test".to_owned(),
        install: Box::new(install),
    }
}

/// The order in which items ran.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<&'static str>>>);

impl Order {
    /// An item that records itself.
    fn item(&self, id: &'static str, lane: Lane, after: &'static [&'static str]) -> Item {
        let order = self.clone();
        item(id, lane, after, move |_| {
            order.add(id);
            Ok(())
        })
    }

    fn add(&self, id: &'static str) {
        self.0.lock().expect("no test panicked").push(id);
    }

    fn seen(&self) -> Vec<&'static str> {
        self.0.lock().expect("no test panicked").clone()
    }
}

#[test]
fn an_item_waits_for_dependencies_in_other_lanes() {
    let order = Order::default();
    let (go_tx, go_rx) = mpsc::channel::<()>();
    let (tool, other) = (order.clone(), order.clone());
    run_all(vec![
        order.item("bundle", Lane::First, &["tool", "already installed"]),
        item("tool", Lane::Second, &[], move |_| {
            go_rx.recv_timeout(Duration::from_secs(10))?;
            tool.add("tool");
            Ok(())
        }),
        item("other", Lane::Quick, &[], move |_| {
            other.add("other");
            Ok(go_tx.send(())?)
        }),
    ])
    .expect("nothing fails");
    assert_eq!(order.seen(), ["other", "tool", "bundle"]);
}

#[test]
fn dependents_of_a_failed_item_are_skipped() {
    let order = Order::default();
    let error = run_all(vec![
        order.item("bundle", Lane::First, &["tool"]),
        item("tool", Lane::Second, &[], |_| bail!("no compiler")),
        order.item("next in the lane", Lane::Second, &[]),
        order.item("other", Lane::Quick, &[]),
    ])
    .expect_err("the tool fails");
    assert_eq!(error.to_string(), "set-up is not complete");
    assert_eq!(order.seen(), ["other"]);
}
