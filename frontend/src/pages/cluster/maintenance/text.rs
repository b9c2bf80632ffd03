//! Texts of the maintenance cards.

use crate::i18n::texts;

texts! {
    /// Texts of the maintenance cards.
    pub(in crate::pages::cluster) enum Text {
        Member: "Member", "成员";
        Compaction: "Compaction", "压缩";
        CompactionHelp: "Discards old revisions. Keys keep their current values; history before the revision can no longer be read, watched or restored.", "丢弃旧修订版本。键保留当前值，该修订版本之前的历史将无法再被读取、监听或恢复。";
        CompactionRevision: "Discard history before revision", "丢弃此修订版本之前的历史";
        CompactionNow: "The current revision is {0}.", "当前修订版本为 {0}。";
        RevisionWrong: "Enter a revision from 1 to {0}.", "请输入 1 到 {0} 之间的修订版本。";
        Physical: "Wait until the space is free in the database", "等待数据库释放空间";
        Compact: "Compact…", "压缩…";
        Defragmentation: "Defragmentation", "碎片整理";
        DefragmentationHelp: "Returns the space of deleted data to the file system, one member at a time, the leader last. It stops at the first failure.", "将已删除数据占用的空间归还文件系统，逐个成员进行，Leader 最后。遇到失败即停止。";
        AllVoting: "All voting members, the leader last", "全部投票成员，Leader 最后";
        Defragment: "Defragment…", "整理碎片…";
        Stop: "Start no further member", "不再继续下一个成员";
        StopHelp: "Leaving this page starts no further member either.", "离开本页后也不会继续下一个成员。";
        Stopped: "Stopped. The other members were not defragmented.", "已停止，其余成员未整理。";
        StoppedDuring: "Stopped. {0} is being finished; the others were not defragmented.", "已停止。{0} 将继续完成，其余成员未整理。";
        NotBegun: "not started", "未开始";
        BeingFinished: "being finished", "正在完成";
        Waiting: "waiting", "等待中";
        Running: "defragmenting, for {0}", "正在整理，已用时 {0}";
        Freed: "{0} → {1}", "{0} → {1}";
        Finished: "done", "完成";
        DefragmentDone: "Defragmented {0} of {1} members; {2} freed.", "已整理 {1} 个成员中的 {0} 个，释放 {2}。";
        Snapshot: "Snapshot", "快照";
        SnapshotHelp: "The whole database as a file, as etcdctl snapshot save writes it: every key and value, and the users with their password hashes. Keep it as safe as the cluster.", "整个数据库保存为文件，与 etcdctl snapshot save 的结果相同：包含所有键和值，以及用户及其密码哈希。请像保护集群一样妥善保管。";
        FirstEndpoint: "The first endpoint that responds", "最先响应的端点";
        Download: "Download a snapshot", "下载快照";
        Starting: "Waiting for the download to start", "等待下载开始";
        NotStarted: "The download did not start. The browser's list of downloads shows why.", "下载没有开始，原因见浏览器的下载列表。";
        Sent: "{0} of {1} sent", "已发送 {0} / {1}";
        SnapshotOf: "Snapshot of {0} at revision {1}", "{0} 在修订版本 {1} 的快照";
        Complete: "Complete, and its SHA-256 is correct", "已完成，SHA-256 校验通过";
        Failed: "Failed: the file is not usable. {0}", "失败：文件不可用。{0}";
        Cancelled: "Cancelled in the browser", "已在浏览器中取消";
        Sha: "SHA-256 of the database, which is the file without its last 32 bytes", "数据库的 SHA-256（即文件去除最后 32 字节的部分）";
        Hashes: "Compare data", "比较数据";
        HashesHelp: "Every voting member hashes its keys and their history up to one revision. Equal hashes mean equal data.", "每个投票成员对截至同一修订版本的键及历史计算哈希。哈希相同即数据相同。";
        Compare: "Compare the hashes", "比较哈希";
        Same: "All voting members have the same data at revision {0}.", "在修订版本 {0}，全部投票成员的数据相同。";
        Different: "The data of {0} differs from the others' at revision {1}. Do not restart or defragment it before you have a snapshot of another member.", "在修订版本 {1}，{0} 的数据与其他成员不同。在获取其他成员的快照之前，请勿重启该成员或整理其碎片。";
        Incomplete: "Not every member could be compared at revision {0}; those that could have the same data.", "在修订版本 {0}，有成员无法比较；可比较的成员数据相同。";
        Hash: "Hash", "哈希";
        CompactRevision: "Compacted at", "压缩于";
        Differs: "differs", "不同";
        Alarms: "Alarms", "告警";
        AlarmsHelp: "etcd raises alarms itself. Raising one by hand stops writes on purpose, such as before a migration.", "etcd 会自动发出告警。手动发出告警可有意停止写入，例如在迁移之前。";
        AlarmsNone: "No alarm is raised.", "当前没有告警。";
        AlarmKind: "Alarm", "告警类型";
        Raise: "Raise…", "发出…";
        Disarm: "Disarm…", "解除…";
        Downgrade: "Downgrade", "降级";
        DowngradeHelp: "Prepares the cluster for members of the previous minor version.", "使集群可以接受上一个次版本的成员。";
        TargetVersion: "Target version", "目标版本";
        VersionWrong: "Enter a version such as 3.6.", "请输入版本号，例如 3.6。";
        Validate: "Check only", "仅检查";
        Enable: "Enable…", "启用…";
        Cancel: "Cancel the downgrade…", "取消降级…";
        InProgress: "A downgrade to {0} is in progress.", "正在降级到 {0}。";
    }
}
