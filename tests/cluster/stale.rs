//! Reads without a majority: refused, unless they are serializable.

use support::gateway::InProcess;
use support::{Cluster, DEADLINE, ensure, eventually};

#[tokio::test]
async fn without_a_majority_only_serializable_reads_are_served() {
    let mut cluster = Cluster::start(3).await;
    let gateway = InProcess::start(&cluster.urls(), &[]).await;
    let api = gateway.api();
    api.write("/k/a", "v").await;
    // The remaining member has the key too.
    let last = InProcess::start(&cluster.url(0), &[]).await;
    assert_eq!(last.api().read("/k/a").await["value"], "v");
    cluster.kill(1);
    cluster.kill(2);
    let reads = [
        "/kv?key=/k/a",
        "/kv//k/a?count_only",
        "/kv?prefix=/k/",
        "/kv?prefix=/k/&count_only",
        "/tree?prefix=/k/",
    ];
    for path in reads {
        let confirmed = api.get(&format!("{path}&timeout=2s")).send().await;
        assert!(
            matches!(confirmed.status.as_u16(), 503 | 504),
            "{path}: {}",
            confirmed.text()
        );
        let stale = eventually("the serializable read is served", DEADLINE, async || {
            let response = api.get(&format!("{path}&serializable")).send().await;
            ensure(response.status == 200, || response.text())?;
            Ok(response.json(200))
        })
        .await;
        if path.contains("count_only") {
            assert_eq!(stale["count"], 1, "{path}: {stale}");
        } else {
            assert!(stale.to_string().contains("\"/k/a\""), "{path}: {stale}");
        }
    }
}
