//! The texts of a search of the server.

crate::i18n::texts! {
    pub(crate) enum Text {
        SearchAll: "Search all keys and values", "搜索全部键和值";
        SearchWithin: "Search all of {0}", "搜索 {0} 下的全部内容";
        Results: "Search results", "搜索结果";
        InAll: "In all keys and values", "在全部键和值中";
        InPrefix: "In all of {0}", "在 {0} 下的键和值中";
        Regex: "Regular expression", "正则表达式";
        Stop: "Stop", "停止";
        Continue: "Continue", "继续";
        Close: "Back to the tree", "返回键树";
        Starting: "Searching", "正在搜索";
        Progress: "{0} of {1} keys searched, {2} read", "已搜索 {0} / {1} 个键，读取 {2}";
        OneMatch: "{0} match", "{0} 个匹配";
        ManyMatches: "{0} matches", "{0} 个匹配";
        StoppedAtMatches: "Paused at {0} matches.", "已找到 {0} 个匹配，搜索暂停。";
        StoppedAtTime: "Paused after 30 seconds.", "已搜索 30 秒，暂停。";
        StoppedAtBytes: "Paused after reading 256 MiB.", "已读取 256 MiB，暂停。";
        StoppedByUser: "Stopped.", "已停止。";
        Again: "Search again", "重新搜索";
        ReadableOnly: "Only the keys that this account may read were searched.", "仅搜索了当前账户有权读取的键。";
        NoMatch: "No match for “{0}”", "没有匹配“{0}”的内容";
        NoMatchDetail: "No key and no value matches at revision {0}. Keys written later are not included.", "修订版本 {0} 中没有匹配的键或值；之后写入的键不包括在内。";
        NoMatchYet: "No match so far.", "目前没有匹配。";
    }
}
