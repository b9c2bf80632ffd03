//! The page that a browser shows when the guard refuses a navigation: why, and which flag or proxy
//! setting fixes it. Programs get a problem document, as everywhere.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest as _, Sha256};
use shared::Code;

use crate::failure::Failure;
use crate::web::accept;

/// System colours, so that light and dark follow the user's setting.
const STYLE: &str = ":root{color-scheme:light dark;font:15px/1.6 system-ui,sans-serif}\
    body{max-width:42rem;margin:12vh auto 3rem;padding:0 1.5rem}\
    h1{font-size:1.4rem;line-height:1.3}h2{font-size:1rem;margin-top:1.75rem}\
    ul{padding-left:1.2rem}li{margin:.5rem 0}\
    code{font:.92em ui-monospace,monospace;overflow-wrap:anywhere}\
    footer{margin-top:2.5rem;font-size:.85rem;opacity:.75}";

/// The policy of the page: only its own style is allowed.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is plain text")
});

/// A user who opens an address in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    chinese: bool,
    /// The requested host, without its port.
    host: String,
}

impl Visitor {
    /// `None` for programs, and for requests that a page makes itself.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let headers = request.headers();
        let mode = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
        if request.method() != Method::GET
            || mode.is_some_and(|mode| mode != b"navigate")
            || !accept::names(headers, "text/html")
        {
            return None;
        }
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
        Some(Self {
            chinese: prefers_chinese(headers),
            host: without_port(host.unwrap_or_default()).to_owned(),
        })
    }

    /// Replaces the body of a refusal by the guard; other failures keep theirs.
    pub(super) fn explain(&self, response: &mut Response, failure: &Failure, request_id: &str) {
        let reason = match failure.code {
            Code::ForeignHost => self.foreign_host(),
            Code::ForeignOrigin => self.foreign_origin(),
            _ => return,
        };
        let status = response.status().as_u16();
        let code = failure.code;
        let (lang, request) = if self.chinese {
            ("zh-CN", "请求")
        } else {
            ("en", "request")
        };
        let (title, reason) = reason;
        let page = format!(
            "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title} · Watchgate</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1>{reason}</main>\
             <footer>Watchgate · {status} <code>{code}</code> · {request} <code>{request_id}</code></footer>\
             </body></html>\n"
        );
        *response.body_mut() = Body::from(page);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, html);
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    }

    /// The title, and the HTML after it.
    fn foreign_host(&self) -> (&'static str, String) {
        let host = escaped(&self.host);
        if self.chinese {
            let reason = format!(
                "<p>浏览器访问的主机名是 <code>{host}</code>，但它不在此网关接受的名称之列。\
                 未知的主机名一律拒绝，以防其他网站把自己的域名解析到这台机器，借此访问网关（DNS 重绑定）。</p>\
                 <h2>解决方法</h2><ul>\
                 <li>如果这个名称正确，请在启动时加上 <code>--allow-host {host}</code>\
                 （环境变量 <code>WATCHGATE_ALLOW_HOST</code>，配置文件 <code>allow_host</code>）。</li>\
                 <li>如果前面有代理，这里看到的是代理转发的主机名。请让代理原样转发浏览器的 Host，例如 nginx：\
                 <code>proxy_set_header Host $http_host;</code></li>\
                 <li>在运行网关的机器上，始终可以用 <code>localhost</code> 访问。</li></ul>"
            );
            return ("不接受这个主机名", reason);
        }
        let reason = format!(
            "<p>The browser requested <code>{host}</code>, which is not a name that this gateway accepts. \
             Unknown names are refused so that no website can reach the gateway by pointing a name of its \
             own at this machine (DNS rebinding).</p>\
             <h2>How to fix it</h2><ul>\
             <li>If the name is right, start the gateway with <code>--allow-host {host}</code> \
             (environment: <code>WATCHGATE_ALLOW_HOST</code>, configuration file: <code>allow_host</code>).</li>\
             <li>Behind a proxy, this is the name that the proxy passes on. Let it pass the browser’s Host, \
             in nginx: <code>proxy_set_header Host $http_host;</code></li>\
             <li>On the machine that the gateway runs on, <code>localhost</code> always works.</li></ul>"
        );
        ("This host name is not accepted", reason)
    }

    fn foreign_origin(&self) -> (&'static str, String) {
        let host = escaped(&self.host);
        if self.chinese {
            let reason = format!(
                "<p>浏览器表明这个请求由其他网站的页面发起，因此被拒绝：您访问的其他页面不得借用您对 etcd 的访问权限。</p>\
                 <h2>解决方法</h2><ul>\
                 <li>如果您是点击链接来到这里：请单击地址栏，然后按 Enter。</li>\
                 <li>如果前面有代理：请让代理原样转发浏览器的 Host，例如 nginx：\
                 <code>proxy_set_header Host $http_host;</code>，并在启动网关时加上 \
                 <code>--allow-host {host}</code>（换成浏览器中使用的主机名）。</li></ul>"
            );
            return ("请求来自其他网站", reason);
        }
        let reason = format!(
            "<p>The browser says that a page of another site made this request, so it was refused: \
             a page that you visit must not use your access to etcd.</p>\
             <h2>How to fix it</h2><ul>\
             <li>If you followed a link to get here, click into the address bar and press Enter.</li>\
             <li>Behind a proxy, let it pass the browser’s Host, in nginx: \
             <code>proxy_set_header Host $http_host;</code>, and start the gateway with \
             <code>--allow-host {host}</code> (the host name that the browser uses).</li></ul>"
        );
        ("The request came from another site", reason)
    }
}

/// Whether Chinese comes before English in `Accept-Language`, which browsers send in order.
fn prefers_chinese(headers: &HeaderMap) -> bool {
    let languages = headers.get(header::ACCEPT_LANGUAGE);
    let languages = languages.and_then(|value| value.to_str().ok());
    let mut languages = languages.unwrap_or_default().split(',').map(|language| {
        let language = language.trim_start().as_bytes();
        language.get(..2).unwrap_or_default().to_ascii_lowercase()
    });
    languages.find(|language| language == b"zh" || language == b"en") == Some(b"zh".to_vec())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
