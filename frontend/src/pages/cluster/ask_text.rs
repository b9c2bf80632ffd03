//! Texts of the confirmations, and of what each operation did.

use crate::i18n::texts;

texts! {
    /// Texts of the confirmations.
    pub(super) enum AskText {
        NoEtcdctl: "etcdctl has no command that does exactly this.", "etcdctl 没有与此完全等价的命令。";
        MoveTitle: "Move the leadership to {0}", "将 Leader 转移到 {0}";
        MoveWhat: "{0} leads now. Until {1} has taken over, usually within a second, the cluster accepts no writes.", "当前 Leader 是 {0}。在 {1} 接管之前（通常不到一秒），集群不接受写入。";
        MoveWhatNone: "The cluster has no leader now, so it may refuse.", "集群当前没有 Leader，可能会拒绝此操作。";
        MoveDone: "{0} leads now.", "{0} 现在是 Leader。";
        PromoteTitle: "Promote {0} to a voting member", "将 {0} 提升为投票成员";
        PromoteDone: "{0} is a voting member now.", "{0} 现在是投票成员。";
        PromoteWhat: "{0} gets a vote. etcd refuses this until it has caught up with the leader.", "{0} 将获得投票权。在它追上 Leader 之前，etcd 会拒绝此操作。";
        RemoveTitle: "Remove {0} from the cluster", "将 {0} 从集群中移除";
        RemoveWhat: "{0} stops and can never rejoin with its data: to come back it is added as a new member with an empty data directory.", "{0} 将停止运行，且无法再带着现有数据重新加入：若要恢复，需清空数据目录并作为新成员添加。";
        RemoveType: "Type {0} to confirm", "输入 {0} 以确认";
        RemoveDone: "{0} was removed from the cluster.", "{0} 已从集群中移除。";
        UpdateTitle: "Change the peer URLs of {0}", "修改 {0} 的 Peer URL";
        UpdateWhat: "The other members reach {0} at {1} from now on. If it does not listen there, it is lost to the cluster until the URLs are corrected.", "其他成员此后将通过 {1} 访问 {0}。如果它未在该地址监听，在 URL 更正之前集群将无法与它通信。";
        UpdateDone: "{0} is reached at {1} by the other members.", "其他成员现在通过 {1} 访问 {0}。";
        AddTitle: "Add a member at {0}", "添加成员 {0}";
        AddLearnerTitle: "Add a learner at {0}", "添加 Learner {0}";
        AddWhat: "It counts as a voting member at once, also before it is started.", "它立即计为投票成员，即使尚未启动。";
        AddLearnerWhat: "It receives all data and has no vote until it is promoted, so it cannot cost the cluster its majority.", "它会接收全部数据，提升前没有投票权，因此不会影响集群的多数派。";
        AddDone: "Added as {0}. Start it now with --initial-cluster-state existing and --initial-cluster {1}.", "已添加为 {0}。请使用 --initial-cluster-state existing 和 --initial-cluster {1} 启动它。";
        VotesAfter: "Afterwards there are {0} voting members, and a majority of {1} is required.", "之后共有 {0} 个投票成员，需要 {1} 个构成多数派。";
        SpareAfterOne: "{0} more may fail.", "还可容忍 {0} 个成员故障。";
        SpareAfterMany: "{0} more may fail.", "还可容忍 {0} 个成员故障。";
        LostAfter: "Too few of them work now: the cluster would lose its majority and accept no writes.", "目前正常工作的成员不足：集群将失去多数派，无法接受写入。";
        DisarmTitle: "Disarm {0} of {1}", "解除 {1} 的 {0} 告警";
        DisarmNoSpace: "The cluster accepts writes again once no NOSPACE alarm is left. {0} uses {1} of {2}; if it exceeds the quota again, etcd raises the alarm again.", "不再有 NOSPACE 告警后，集群将恢复接受写入。{0} 已使用 {1} / {2}；若再次超出配额，etcd 会重新告警。";
        DisarmNoSpacePlain: "The cluster accepts writes again once no NOSPACE alarm is left. If the quota is exceeded again, etcd raises the alarm again.", "不再有 NOSPACE 告警后，集群将恢复接受写入。若再次超出配额，etcd 会重新告警。";
        DisarmCorrupt: "The cluster serves requests again. If the members' data still differs, clients read different values depending on the member.", "集群将恢复服务。如果成员数据仍不一致，客户端从不同成员读到的值可能不同。";
        DisarmUnknown: "etcd stops reporting the alarm; what caused it stays.", "etcd 将不再报告此告警，但其原因依然存在。";
        DisarmDone: "{0} of {1} was disarmed.", "已解除 {1} 的 {0} 告警。";
        DisarmNone: "{0} of {1} was not raised any more.", "{1} 的 {0} 告警已不存在。";
        RaiseTitle: "Raise {0} for {1}", "为 {1} 发出 {0} 告警";
        RaiseNoSpace: "The whole cluster refuses every put until the alarm is disarmed; reads and deletes are served.", "在解除告警之前，整个集群拒绝所有写入，仍提供读取和删除。";
        RaiseCorrupt: "The whole cluster refuses every request, reads included, until the alarm is disarmed.", "在解除告警之前，整个集群拒绝所有请求，包括读取。";
        RaiseDone: "{0} was raised for {1}.", "已为 {1} 发出 {0} 告警。";
        CompactTitle: "Compact at revision {0}", "在修订版本 {0} 处压缩";
        CompactWhat: "Revisions {0} to {1} are removed ({2} in total): they can no longer be read, watched or restored. Every key keeps its current value.", "将移除修订版本 {0} 至 {1}（共 {2} 个）：它们无法再被读取、监听或恢复。每个键保留其当前值。";
        CompactNothing: "Nothing is removed: {0} is the oldest revision already.", "不会移除任何内容：{0} 已是最早的修订版本。";
        CompactPhysical: "The response comes after the database has freed the space, which can take minutes.", "数据库释放空间后才会返回，可能需要几分钟。";
        CompactDone: "Compacted. The oldest revision that can be read is {0}.", "压缩完成。可读取的最早修订版本为 {0}。";
        DefragmentTitle: "Defragment {0}", "整理 {0} 的碎片";
        DefragmentOrder: "In this order, one at a time: {0}.", "按以下顺序逐个进行：{0}。";
        DefragmentWhat: "A member serves no request while it is defragmented; a large database takes minutes.", "成员在整理碎片期间不处理任何请求；数据库较大时需要几分钟。";
        DefragmentLeader: "{0} is the leader: while it is defragmented, the cluster accepts no writes or elects another leader.", "{0} 是 Leader：整理期间集群不接受写入，或会选举新的 Leader。";
        DefragmentSpare: "No other member may fail meanwhile.", "此期间其他成员都不能故障。";
        EnableTitle: "Enable the downgrade to etcd {0}", "启用降级到 etcd {0}";
        EnableWhat: "Replace the members by etcd {0} one by one afterwards. Until the last one is replaced or the downgrade is cancelled, features of the present version are off and no member may be upgraded.", "之后请逐个将成员替换为 etcd {0}。在全部替换完成或取消降级之前，当前版本的新功能将被禁用，且不能升级任何成员。";
        EnableDone: "The downgrade to etcd {0} is enabled. Replace the members one by one.", "已启用降级到 etcd {0}，请逐个替换成员。";
        CancelTitle: "Cancel the downgrade", "取消降级";
        CancelWhat: "Members that are replaced already stay as they are and can be upgraded again.", "已替换的成员保持不变，可以再次升级。";
        CancelDone: "The downgrade was cancelled. The cluster's version is {0}.", "已取消降级。集群版本为 {0}。";
        ValidateDone: "The cluster, at version {0}, can be downgraded to {1}.", "集群（版本 {0}）可以降级到 {1}。";
        AllVoting: "all voting members", "全部投票成员";
    }
}
