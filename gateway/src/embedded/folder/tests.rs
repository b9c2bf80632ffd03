//! Unit tests of the data folder.

use super::*;

fn minor(text: &str) -> Minor {
    text.parse().expect("a minor")
}

#[tokio::test]
async fn a_second_owner_is_refused_and_the_first_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("etcd");
    let mut first = Folder::take(&path).await.expect("the folder is free");
    first
        .record_owner(Some("http://127.0.0.1:4711"))
        .expect("the owner is recorded");
    let refused = Folder::take(&path)
        .await
        .expect_err("the folder is in use")
        .to_string();
    assert!(
        refused.contains(&std::process::id().to_string()),
        "{refused}"
    );
    assert!(refused.contains("http://127.0.0.1:4711"), "{refused}");
    drop(first);
    Folder::take(&path).await.expect("the folder is free again");
}

const ONE: Layout = Layout::Here { members: 1 };
const THREE: Layout = Layout::Here { members: 3 };

#[tokio::test]
async fn a_record_without_data_is_ignored() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::take(dir.path()).await.expect("the folder is free");
    folder
        .check(minor("3.5"), &ONE)
        .expect("the folder has no data");
    folder
        .check(minor("3.7"), &ONE)
        .expect("the folder still has no data");
    fs::create_dir_all(folder.data().join("member")).expect("the folder can be created");
    folder
        .check(minor("3.7.9"), &ONE)
        .expect("the minor version is the same");
    let refused = folder
        .check(minor("3.6"), &ONE)
        .expect_err("the minor version differs")
        .to_string();
    assert!(
        refused.contains("written by etcd 3.7") && refused.contains("is 3.6"),
        "{refused}"
    );
    fs::remove_file(dir.path().join("version")).expect("the record exists");
    let refused = folder
        .check(minor("3.7"), &ONE)
        .expect_err("unknown")
        .to_string();
    assert!(refused.contains("write `3.7` into"), "{refused}");
}

#[tokio::test]
async fn data_of_a_different_cluster_size_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::take(dir.path()).await.expect("the folder is free");
    folder
        .check(minor("3.7"), &ONE)
        .expect("the folder has no data");
    folder
        .check(minor("3.7"), &THREE)
        .expect("the folder still has no data");
    let token = folder.token().expect("the token is recorded");
    // Only one of the members had started: it is still a cluster of three.
    fs::create_dir_all(folder.member(2).join("member")).expect("the folder can be created");
    folder
        .check(minor("3.7"), &THREE)
        .expect("the number of members is the same");
    assert_eq!(folder.token().expect("the token is recorded"), token);
    let refused = folder
        .check(minor("3.7"), &ONE)
        .expect_err("one")
        .to_string();
    assert!(refused.contains("--members 3"), "{refused}");
}

#[tokio::test]
async fn data_of_one_member_is_refused_for_three() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::take(dir.path()).await.expect("the folder is free");
    folder
        .check(minor("3.7"), &ONE)
        .expect("the folder has no data");
    fs::create_dir_all(folder.data().join("member")).expect("the folder can be created");
    let refused = folder
        .check(minor("3.7"), &THREE)
        .expect_err("three")
        .to_string();
    assert!(refused.contains("--members 1"), "{refused}");
}

#[tokio::test]
async fn data_of_a_configuration_file_is_checked_once_recorded() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::take(&dir.path().join("records"))
        .await
        .expect("the folder is free");
    let elsewhere = dir.path().join("theirs");
    fs::create_dir_all(elsewhere.join("member")).expect("the folder can be created");
    let layout = Layout::Elsewhere(elsewhere);
    folder
        .check(minor("3.6"), &layout)
        .expect("the minor version is not recorded yet");
    let refused = folder
        .check(minor("3.7"), &layout)
        .expect_err("the minor version is recorded")
        .to_string();
    assert!(
        refused.contains("theirs") && refused.contains("written by etcd 3.6"),
        "{refused}"
    );
}
