//! The texts of the STM lab.

crate::i18n::texts! {
    pub(super) enum Text {
        Title: "A bank on software transactional memory", "基于软件事务内存的银行";
        Detail: "Clients transfer money between accounts at the same time. Each reads two balances, computes, and commits if nothing it read has changed; after a conflict it tries again with the current balances.", "多个客户端同时在账户之间转账：读取两个余额，计算，若所读内容未变则提交；发生冲突后用当前余额重试。";
        Prefix: "Prefix of the accounts", "账户的前缀";
        PrefixNeeded: "Enter a prefix; the lab writes only below it.", "请输入前缀，实验仅在其下写入。";
        Clients: "Clients", "客户端";
        Accounts: "Accounts", "账户";
        Transfers: "Transfers", "转账次数";
        Within: "From {0} to {1}.", "取值范围 {0} 至 {1}。";
        Isolation: "Isolation level", "隔离级别";
        Snapshot: "serializable snapshot", "可串行化快照";
        SnapshotDetail: "Keys read are unchanged, and keys written were not written since the first read. The sum is kept.", "所读的键未变，且所写的键自首次读取后未被写入。总额保持不变。";
        Serializable: "serializable", "可串行化";
        SerializableDetail: "Keys read are unchanged; all reads are at one revision. The sum is kept.", "所读的键未变，所有读取位于同一修订版本。总额保持不变。";
        Repeatable: "repeatable reads", "可重复读";
        RepeatableDetail: "Keys read are unchanged; each read is at its own revision. The sum is kept.", "所读的键未变，每次读取位于各自的修订版本。总额保持不变。";
        Committed: "read committed", "读已提交";
        CommittedDetail: "Nothing is checked: transfers overwrite each other, and money appears or is lost.", "不做任何检查：转账会相互覆盖，资金会凭空出现或丢失。";
        Start: "Start", "开始";
        Stop: "Stop", "停止";
        ConfirmTitle: "Create {0} keys under {1}?", "在 {1} 下创建 {0} 个键？";
        ConfirmDetail: "The lab writes these keys and no others. It starts only if none of them exists. They are attached to a lease, which is revoked at the end, when you leave the page, or expires a minute after the browser has gone.", "实验只写入以下键，且仅在它们都不存在时开始。这些键附加到一个租约：实验结束或离开页面时撤销，浏览器意外关闭时一分钟后过期。";
        ConfirmRun: "Create {0} keys and start", "创建 {0} 个键并开始";
        Exists: "One of the keys exists already: choose another prefix. Nothing was written.", "其中某个键已存在，请更换前缀。未写入任何内容。";
        Disturbed: "Another client changed {0}, so the lab stopped.", "其他客户端修改了 {0}，实验已停止。";
        Opening: "Creating the accounts", "正在创建账户";
        Running: "Running", "运行中";
        Cleaning: "Deleting the accounts", "正在删除账户";
        Cleaned: "Finished. The accounts were deleted with their lease.", "已结束，账户已随租约删除。";
        NotCleaned: "Finished. Deleting the accounts failed; their lease deletes them within a minute.", "已结束。删除账户失败，租约将在一分钟内将其删除。";
        Sum: "Sum of all balances", "余额总和";
        SumKept: "The sum is kept", "总额保持不变";
        SumMore: "{0} too much: transfers overwrote each other", "多出 {0}：转账相互覆盖";
        SumLess: "{0} lost: transfers overwrote each other", "丢失 {0}：转账相互覆盖";
        SumOf: "of {0}", "应为 {0}";
        SumAt: "read at revision {0}", "读取于修订版本 {0}";
        Done: "Transfers", "转账";
        DoneOf: "{0} of {1}", "{0} / {1}";
        Skipped: "{0} between empty accounts", "{0} 次因账户为空跳过";
        Attempts: "Commits attempted", "提交尝试";
        Conflicts: "Conflicts", "冲突";
        ConflictRate: "{0} of all attempts", "占全部尝试的 {0}";
        Balances: "Balances", "余额";
        Balance: "{0}: {1}", "{0}：{1}";
        Client: "Client", "客户端";
        CommitsOf: "Committed", "已提交";
        Idle: "Balances, attempts and conflicts are shown here while the clients run.", "客户端运行时，此处显示余额、尝试次数和冲突次数。";
        Commands: "Copy command", "复制命令";
        CommandRead: "curl: read two accounts", "curl：读取两个账户";
        CommandCommit: "curl: commit the last transfer", "curl：提交最后一次转账";
        CommandEtcdctl: "etcdctl: the same commit as a transaction", "etcdctl：以事务形式执行同一提交";
    }
}
