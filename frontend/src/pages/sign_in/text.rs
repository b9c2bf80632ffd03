//! The texts of the sign-in page.

use crate::i18n::texts;

texts! {
    pub(super) enum Text {
        To: "Sign in to {0}", "登录 {0}";
        WithUser: "With the name and password of a user in etcd.", "使用 etcd 用户的名称和密码。";
        Name: "Name", "名称";
        Password: "Password", "密码";
        NameMissing: "Enter a name.", "请输入名称。";
        PasswordMissing: "Enter a password.", "请输入密码。";
        Wrong: "Name or password is wrong.", "名称或密码错误。";
        TooMany: "Too many attempts. Try again in {0}.", "尝试次数过多，请在 {0} 后重试。";
        TooManySoon: "Too many attempts. Try again in a moment.", "尝试次数过多，请稍后重试。";
        Ended: "The session of {0} has ended. Drafts are kept.", "{0} 的会话已结束。草稿已保留。";
        EndedNameless: "Your session has ended. Drafts are kept.", "会话已结束。草稿已保留。";
        SignedInAs: "You are signed in as {0}. Signing in as another user ends that session.", "当前已登录为 {0}。以其他用户登录将结束该会话。";
        SignedIn: "You are signed in. Signing in as another user ends that session.", "当前已登录。以其他用户登录将结束该会话。";
        StayAs: "Stay signed in as {0}", "保持以 {0} 登录";
        Stay: "Stay signed in", "保持登录";
        Continue: "Continue as the gateway's account", "以网关的账户继续";
        ContinueNamed: "Continue as the gateway's account {0}", "以网关的账户 {0} 继续";
        AuthUnknown: "etcd does not respond, so a sign-in may fail.", "etcd 没有响应，登录可能失败。";
        AuthOffTitle: "There is nothing to sign in to", "无需登录";
        AuthOffDetail: "etcd's authentication is off: everyone who reaches this gateway may do everything. Turn it on under Access, or with etcdctl auth enable.", "etcd 未启用认证：能访问此网关的人可以执行任何操作。可在“权限”页面启用认证，或使用 etcdctl auth enable。";
        ClosedTitle: "There is nothing to sign in to, and requests from here are refused", "无可登录的账户，且来自此处的请求被拒绝";
        ClosedDetail: "etcd's authentication is off, and this gateway serves requests without credentials only to its own machine. Enable authentication in etcd, or start Watchgate with --anonymous gateway to let everyone who reaches it do everything.", "etcd 未启用认证，而此网关只接受来自本机的未登录请求。请在 etcd 中启用认证；或使用 --anonymous gateway 启动 Watchgate，允许所有能访问它的人执行任何操作。";
        ByHeaderTitle: "A proxy in front of this gateway signs you in as {0}", "此网关前面的代理已将你登录为 {0}";
        ByHeaderTitleNameless: "A proxy in front of this gateway signs you in", "此网关前面的代理已为你登录";
        ByHeaderDetail: "It adds an Authorization header to every request, which takes precedence over a sign-in here.", "代理会为每个请求添加 Authorization 标头，其优先于此处的登录。";
        ToExplorer: "Open the Explorer", "打开浏览页";
        ToAccess: "Open Access", "打开权限页";
    }
}
