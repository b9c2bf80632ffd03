//! Leases against a real etcd, each test with a server of its own; and their cursors.

use super::*;
use crate::service::lock::tests::support::{Fixture, caller, eventually};

#[test]
fn a_cursor_holds_any_id() {
    for id in [1, -9, i64::MAX, i64::MIN] {
        let after = LeaseId(id);
        let read: Cursor = cursor::decode(&cursor::encode(&Cursor { after })).expect("reads");
        assert_eq!(read.after, after);
    }
}

fn granting(ttl: i64, id: Option<i64>) -> GrantRequest {
    GrantRequest {
        ttl,
        id: id.map(LeaseId),
    }
}

#[tokio::test]
async fn a_lease_id_can_be_chosen_once() {
    let fixture = Fixture::start().await;
    let leases = fixture.leases();
    for id in [-9, i64::MIN, i64::MAX, (1 << 53) + 1] {
        let granted = leases.grant(&caller(), granting(60, Some(id))).await;
        assert_eq!(granted.expect("granted").lease.id, LeaseId(id));
        let one = leases
            .get(&caller(), LeaseId(id), LeaseKeys::All)
            .await
            .expect("there");
        assert_eq!(
            (one.lease.id, one.lease.granted_ttl),
            (LeaseId(id), Some(60))
        );
    }
    let again = leases.grant(&caller(), granting(60, Some(-9))).await;
    assert_eq!(again.expect_err("there is one").code, Code::AlreadyExists);
    let none = leases.grant(&caller(), granting(60, Some(0))).await;
    assert_eq!(none.expect_err("no lease").code, Code::BadRequest);
}

#[tokio::test]
async fn etcd_adjusts_or_refuses_the_ttl() {
    let fixture = Fixture::start().await;
    let leases = fixture.leases();
    for (requested, ttl) in [(1, 2), (3, 3), (MAX_TTL, MAX_TTL)] {
        let granted = leases.grant(&caller(), granting(requested, None)).await;
        assert_eq!(granted.expect("granted").lease.ttl, ttl);
    }
    // TTLs that etcd refuses, or would silently raise to its minimum.
    for requested in [0, -1, i64::MIN, MAX_TTL + 1, i64::MAX] {
        let refused = leases.grant(&caller(), granting(requested, None)).await;
        assert_eq!(refused.expect_err("an invalid TTL").code, Code::BadRequest);
    }
}

#[tokio::test]
async fn an_unknown_lease_is_not_found() {
    let fixture = Fixture::start().await;
    let leases = fixture.leases();
    let unknown = LeaseId(0x77);
    let failures = [
        leases.get(&caller(), unknown, LeaseKeys::All).await,
        leases.keep_alive(&caller(), unknown).await,
        leases.revoke(&caller(), unknown, false).await,
        leases.revoke(&caller(), unknown, true).await,
    ];
    for failure in failures {
        assert_eq!(failure.expect_err("unknown").code, Code::LeaseNotFound);
    }
}

#[tokio::test]
async fn a_lease_is_read_renewed_and_revoked_with_its_keys() {
    let fixture = Fixture::start().await;
    let leases = fixture.leases();
    let id = fixture.grant(3).await;
    for key in ["b", "a"] {
        fixture.put(key, "", Some(id)).await;
    }
    let keys = || Some(vec!["a".into(), "b".into()]);
    let one = leases
        .get(&caller(), id, LeaseKeys::All)
        .await
        .expect("there")
        .lease;
    assert_eq!((one.keys, one.granted_ttl), (keys(), Some(3)));
    eventually("the TTL runs down", || async {
        leases
            .get(&caller(), id, LeaseKeys::All)
            .await
            .expect("there")
            .lease
            .ttl
            <= 1
    })
    .await;
    let renewed = leases
        .keep_alive(&caller(), id)
        .await
        .expect("renewed")
        .lease;
    assert!(renewed.ttl >= 2 && renewed.keys.is_none());
    let dry = leases
        .revoke(&caller(), id, true)
        .await
        .expect("there")
        .lease;
    assert_eq!(dry.keys, keys());
    assert!(fixture.lease_exists(id).await);
    let revoked = leases
        .revoke(&caller(), id, false)
        .await
        .expect("there")
        .lease;
    assert_eq!((revoked.keys, revoked.ttl), (keys(), 0));
    assert!(!fixture.lease_exists(id).await && fixture.keys("").await.is_empty());
}

#[tokio::test]
async fn pages_list_every_lease_once_by_id() {
    let fixture = Fixture::start().await;
    let leases = fixture.leases();
    let ids = [-9, 1, 5, 16, 700, i64::MAX];
    for id in ids.iter().rev() {
        let granted = leases.grant(&caller(), granting(60, Some(*id))).await;
        granted.expect("granted");
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let limit = Some(4);
        let page = leases
            .list(
                &caller(),
                LeasePage {
                    limit,
                    cursor,
                    key_counts: false,
                },
            )
            .await;
        let page = page.expect("a page");
        assert!(!page.partial);
        listed.extend(page.leases.iter().map(|lease| lease.id.0));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
}
