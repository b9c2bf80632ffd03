//! Texts that several places share.

super::texts! {
    /// Shared texts.
    pub(crate) enum Common {
        Explorer: "Explorer", "浏览";
        Watch: "Watch", "监听";
        Locks: "Locks", "锁";
        Transactions: "Transactions", "事务";
        Cluster: "Cluster", "集群";
        Retry: "Try again", "重试";
        Cancel: "Cancel", "取消";
        Close: "Close", "关闭";
        Copy: "Copy", "复制";
        Copied: "Copied", "已复制";
        CopyByHand: "Copy manually", "手动复制";
        CopyByHandDetail: "The browser does not allow this page to copy. The text is selected: press Ctrl+C (⌘C on a Mac).", "浏览器不允许此页面写入剪贴板。文本已选中，请按 Ctrl+C（Mac 上按 ⌘C）复制。";
        CopyCommand: "Copy command", "复制命令";
        Key: "Key", "键";
        Value: "Value", "值";
        Lease: "Lease", "租约";
        None: "none", "无";
        Named: "{0}: {1}", "{0}：{1}";
        SecondsOf: "{0} of {1} s", "{0} / {1} 秒";
        Loading: "Loading", "加载中";
        Expired: "expired", "已过期";
        EmptyKey: "(empty name)", "（空名称）";
        BadEscape: "{0} is not a valid escape. Write \\\\ for a backslash, \\xFF for a byte, \\u{200B} for a character.", "{0} 不是有效的转义。反斜杠写作 \\\\，字节写作 \\xFF，字符写作 \\u{200B}。";
        ReadAs: "Read as the key {0}, where \\xFF is a byte and \\\\ is a backslash.", "将解释为键 {0}，其中 \\xFF 表示一个字节，\\\\ 表示反斜杠。";
        ErrUnreachable: "Watchgate cannot be reached", "无法连接 Watchgate";
        ErrUnreachableDetail: "The gateway did not respond. It may have stopped, or the network is down.", "网关没有响应，可能已停止，或网络中断。";
        ErrUnreadable: "The response could not be read", "无法解析响应";
        ErrUnreadableDetail: "Status {0}. This page may be older than the gateway; reload it.", "状态码 {0}。页面版本可能比网关旧，请刷新页面。";
        ErrUnavailable: "etcd cannot be reached", "无法连接 etcd";
        ErrNoLeader: "The cluster has no leader", "集群当前没有 Leader";
        ErrTimeout: "etcd did not respond in time", "etcd 响应超时";
        ErrOutcomeUnknown: "The write may or may not have taken effect", "无法确定写入是否生效";
        ErrUnauthenticated: "Sign-in is required", "需要登录";
        ErrUnauthenticatedDetail: "Requests without credentials are not served here. Sign in with a user of etcd.", "此处不接受未登录的请求，请使用 etcd 用户登录。";
        SignIn: "Sign in", "登录";
        SignOut: "Sign out", "退出登录";
        ErrForbidden: "Permission denied", "权限不足";
        ErrForbiddenDetail: "etcd does not grant this permission to the account that Watchgate uses.", "etcd 未授予 Watchgate 所用账户执行此操作的权限。";
        ErrReadOnly: "This gateway is read-only", "此网关为只读模式";
        ErrNoSpace: "The cluster's space quota is exceeded", "集群空间配额已用尽";
        ErrTooLarge: "The value is too large", "值过大";
        ErrCompacted: "The revision has been compacted", "该修订版本已被压缩";
        ErrKeyNotFound: "The key does not exist", "键不存在";
        ErrLeaseNotFound: "The lease does not exist", "租约不存在";
        ErrConflict: "Someone else changed it first", "已被他人抢先修改";
        RequestId: "Request ID: {0}", "请求 ID：{0}";
    }
}
