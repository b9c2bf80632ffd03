//! Many watches at once (etcd's own cases 6 to 14). etcd's gateway shares one connection among all of
//! them: at its limit of streams nothing else is answered. Ours keeps watches and the rest apart.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::side::{Results, Side};

/// How long a range may take that is not going to be answered.
const PATIENCE: Duration = Duration::from_secs(2);

async fn watches(side: &Side, count: usize) -> Vec<Results> {
    let mut open = Vec::new();
    for _ in 0..count {
        let create = json!({"create_request": {"key": side.key("w")}});
        let mut watch = side.stream("/v3/watch", &create).await;
        assert_eq!(watch.next().await["created"], true);
        open.push(watch);
    }
    open
}

async fn below_the_limit(ours: bool, limit: usize) {
    gateway::limits::raise_open_files().expect("the soft limit can be raised");
    let flag = format!("--max-concurrent-streams={limit}");
    let side = Side::alone(ours, &[&flag]).await;
    let _open = watches(&side, limit - 1).await;
    side.call("/v3/kv/range", &json!({"key": side.key("w")}))
        .await;
}

async fn at_the_limit(ours: bool, limit: usize) {
    gateway::limits::raise_open_files().expect("the soft limit can be raised");
    let flag = format!("--max-concurrent-streams={limit}");
    let side = Side::alone(ours, &[&flag]).await;
    let _open = watches(&side, limit).await;
    let range = side
        .ask("/v3/kv/range", &json!({"key": side.key("w")}))
        .try_send();
    match timeout(PATIENCE, range).await {
        Ok(answer) => {
            assert!(ours, "etcd's gateway answers at its limit of streams");
            answer.expect("it answers").expect(200);
        }
        Err(_) => assert!(!ours, "our gateway does not answer beside many watches"),
    }
}

macro_rules! limits {
    ($($name:ident: $limit:expr;)*) => {$(
        mod $name {
            #[tokio::test]
            async fn etcd_below() {
                super::below_the_limit(false, $limit).await;
            }

            #[tokio::test]
            async fn etcd_reached() {
                super::at_the_limit(false, $limit).await;
            }

            #[tokio::test]
            async fn watchgate_below() {
                super::below_the_limit(true, $limit).await;
            }

            #[tokio::test]
            async fn watchgate_reached() {
                super::at_the_limit(true, $limit).await;
            }
        }
    )*};
}

limits! {
    small: 3;
    medium: 100;
    large: 1000;
}
