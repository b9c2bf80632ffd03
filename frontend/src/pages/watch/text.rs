//! The Watch page's texts.

use crate::i18n::texts;

texts! {
    /// Texts of the Watch page.
    pub(super) enum Text {
        Field: "Watch a key or prefix, e.g. /services/", "监听键或前缀，例如 /services/";
        RangeKind: "Watch a prefix or one key", "监听前缀或单个键";
        Prefix: "Prefix", "前缀";
        Key: "Key", "单键";
        Start: "Start", "起点";
        FromNow: "from now", "从现在起";
        FromRevision: "from revision…", "从修订版本…";
        Revision: "First revision", "起始修订版本";
        RevisionWrong: "Revision must be a whole number, 1 or higher", "修订版本必须是不小于 1 的整数";
        Kinds: "Events", "事件";
        Both: "puts and deletes", "写入和删除";
        PutsOnly: "puts only", "仅写入";
        DeletesOnly: "deletes only", "仅删除";
        Watch: "Watch", "监听";
        KeptOne: "{0} event kept", "已保留 {0} 个事件";
        KeptMany: "{0} events kept", "已保留 {0} 个事件";
        KeptTitle: "Each panel keeps its latest 5,000 events", "每个面板保留最新的 5,000 个事件";
        EmptyTitle: "Watch keys change", "监听键的变化";
        EmptyDetail: "Enter a prefix to see every put and delete under it as it happens, with what changed. Several watches can be open side by side; the page's address keeps them.", "输入前缀，即可实时查看其下的每次写入和删除以及具体变更。可并排打开多个监听，它们会保存在页面地址中。";
        Everything: "All keys", "全部键";
        AllKeys: "all keys", "全部键";
        Filter: "Filter", "筛选";
        FilterField: "Filter keys and values", "筛选键和值";
        Pause: "Pause", "暂停";
        Resume: "Resume", "继续";
        Clear: "Clear events", "清空事件";
        Close: "Stop watching {0}", "停止监听 {0}";
        PausedHeld: "paused, {0} held", "已暂停，暂存 {0} 个";
        PausedFull: "paused, {0} held, more waiting", "已暂停，暂存 {0} 个，还有更多未接收";
        PerSecond: "{0} / s", "{0} / 秒";
        RateTitle: "Events per second over the last ten seconds", "最近十秒内每秒事件数";
        Events: "Events of {0}, newest first", "{0} 的事件，最新在前";
        History: "history", "历史";
        HistoryTitle: "It happened before this watch opened or while the connection was lost. etcd does not store times.", "发生在监听开始之前或连接中断期间。etcd 不记录时间。";
        TimeTitle: "When your browser received it, by the gateway's clock. etcd does not store times.", "浏览器收到事件的时间，以网关时钟为准。etcd 不记录时间。";
        CompleteOne: "Complete from revision {0}. {1} event.", "自修订版本 {0} 起完整，共 {1} 个事件。";
        CompleteMany: "Complete from revision {0}. {1} events.", "自修订版本 {0} 起完整，共 {1} 个事件。";
        Matching: "{0} match", "{0} 个匹配";
        Opening: "Opening", "正在打开";
        Reconnecting: "Connection lost. The watch resumes where it stopped.", "连接已断开，恢复后将从断点继续。";
        Ended: "The gateway ended this watch", "网关已结束此监听";
        QuietTitle: "No changes yet", "暂无变化";
        QuietDetail: "Puts and deletes under {0} appear as they happen.", "{0} 下的写入和删除会实时显示。";
        QuietKey: "Puts and deletes of {0} appear as they happen.", "{0} 的写入和删除会实时显示。";
        Earlier: "Start {0} revisions earlier", "从 {0} 个修订版本之前开始";
        NoMatch: "No event matches “{0}”", "没有事件匹配“{0}”";
        ClearFilter: "Clear the filter", "清除筛选";
        Resumed: "Disconnected for {0}, resumed at revision {1}. No events were missed.", "连接中断 {0}，已从修订版本 {1} 恢复，没有遗漏事件。";
        ResumedGap: "Disconnected for {0}, resumed at revision {1}.", "连接中断 {0}，已从修订版本 {1} 恢复。";
        Compacted: "Revisions {0} to {1} were compacted before they could be shown. etcd no longer has them.", "修订版本 {0} 至 {1} 在显示之前已被压缩，etcd 中已不再保存。";
        Reset: "The data was replaced: another cluster, a restored backup or a wiped store. The watch continues from revision {0}.", "数据已被替换：集群已更换、从备份恢复或被清空。将从修订版本 {0} 继续监听。";
        Lagged: "This page fell behind; the gateway replays from revision {0}. No events were missed.", "页面处理不及时，网关正从修订版本 {0} 重放，没有遗漏事件。";
        Retrying: "Watchgate keeps retrying", "正在持续重试";
        Put: "PUT", "写入";
        Delete: "DEL", "删除";
        Created: "Created", "新建";
        SameValue: "Value unchanged", "值未变化";
        PrevUnknown: "The previous value has been compacted.", "之前的值已被压缩。";
        LastValue: "Last value", "删除前的值";
        NoLastValue: "The last value has been compacted.", "删除前的值已被压缩。";
        EmptyValue: "The value is empty.", "值为空。";
        Binary: "Not text: shown in hex", "非文本，以十六进制显示";
        Version: "version {0}", "版本 {0}";
        CreatedAt: "created at revision {0}", "创建于修订版本 {0}";
        Lease: "lease", "租约";
        ShowKey: "Show in Explorer", "在浏览页中查看";
        CopyKey: "Copy key", "复制键名";
        CopyValue: "Copy value", "复制值";
        EqualLines: "{0} unchanged lines", "{0} 行未变";
        MoreLines: "{0} more lines", "还有 {0} 行";
    }
}
