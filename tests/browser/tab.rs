//! A browser with one page, controlled as by a user.
//!
//! Elements are found by role and name and waited for. Any error on the console, exception,
//! violation of the content policy or failed request fails the test, unless the test has announced
//! it with `expects_error`.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, InsertTextParams,
};
use chromiumoxide::cdp::browser_protocol::log;
use chromiumoxide::cdp::browser_protocol::page::{
    DialogType, EventJavascriptDialogOpening, HandleJavaScriptDialogParams, ReloadParams,
};
use chromiumoxide::cdp::js_protocol::runtime;
use chromiumoxide::handler::viewport::Viewport;
use chromiumoxide::layout::Point;
use chromiumoxide::page::ScreenshotParams;
use chromiumoxide::{Handler, Page};
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use support::{DEADLINE, ensure, eventually, spawn, tools};
use tempfile::TempDir;

const FIND: &str = include_str!("find.js");

/// Logs violations of the content policy, which the browser only reports to scripts.
const REPORT_VIOLATIONS: &str =
    "addEventListener('securitypolicyviolation', (event) => console.error(
    'content policy: ' + event.violatedDirective + ' ' + event.blockedURI));";

/// The only page of a separate browser.
#[derive(Debug)]
pub(crate) struct Tab {
    page: Page,
    base: String,
    errors: Arc<Mutex<Vec<String>>>,
    expected: Mutex<Vec<&'static str>>,
}

impl Tab {
    /// Opens a browser for a gateway, runs the test in it, and closes it. `base` is the gateway's
    /// URL without a path. A test that fails leaves a screenshot.
    pub(crate) async fn run(name: &str, base: &str, test: impl AsyncFnOnce(&Tab)) {
        let profile = TempDir::with_prefix("watchgate-browser-").expect("temporary folders");
        let (mut browser, handler) = launch(&profile).await;
        let handling = spawn(handle(handler));
        let page = browser.new_page("about:blank").await.expect("a page opens");
        let tab = Self {
            errors: listen(&page).await,
            page,
            base: base.trim_end_matches('/').to_owned(),
            expected: Mutex::default(),
        };
        let ran = AssertUnwindSafe(test(&tab)).catch_unwind().await;
        let errors = tab.unexpected_errors();
        if ran.is_err() || !errors.is_empty() {
            tab.screenshot(name).await;
        }
        let _ = browser.close().await;
        let _ = browser.wait().await;
        handling.abort();
        if let Err(panic) = ran {
            // Errors on the page are often the reason.
            assert!(
                errors.is_empty(),
                "{name} failed, and the page reports {errors:#?}"
            );
            std::panic::resume_unwind(panic);
        }
        assert!(errors.is_empty(), "errors on the page: {errors:#?}");
    }

    /// Announces that the test provokes errors that contain `text`.
    pub(crate) fn expects_error(&self, text: &'static str) {
        self.expected
            .lock()
            .expect("no holder of the lock panics")
            .push(text);
    }

    fn unexpected_errors(&self) -> Vec<String> {
        let expected = self.expected.lock().expect("no holder of the lock panics");
        let errors = self.errors.lock().expect("no holder of the lock panics");
        let is_expected = |text: &&String| expected.iter().any(|known| text.contains(known));
        errors
            .iter()
            .filter(|text| !is_expected(text))
            .cloned()
            .collect()
    }

    /// Saves a screenshot for a failed test.
    pub(crate) async fn screenshot(&self, name: &str) {
        let folder = tools::root().join("target/browser-failures");
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        let file = folder.join(format!("{name}.png"));
        // A failed screenshot must not hide the test's own failure.
        let taken = self
            .page
            .save_screenshot(ScreenshotParams::default(), &file)
            .await;
        eprintln!(
            "a screenshot of {name}: {} ({})",
            file.display(),
            taken.is_ok()
        );
    }

    /// Runs a script before the scripts of every page loaded from now on.
    pub(crate) async fn before_load(&self, script: &str) {
        let added = self.page.add_init_script(script).await;
        added.expect("scripts can be added");
    }

    /// Sets the size of the page.
    pub(crate) async fn resize(&self, width: i64, height: i64) {
        let size = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        let resized = self.page.execute(size).await;
        resized.expect("the size can be emulated");
        let is_so = format!("innerWidth === {width}");
        self.until("the page has this size", &is_so).await;
    }

    /// Stops animations, as the system setting for reduced motion does.
    pub(crate) async fn reduce_motion(&self) {
        let reduced = MediaFeature::new("prefers-reduced-motion", "reduce");
        let media = SetEmulatedMediaParams::builder().feature(reduced).build();
        let emulated = self.page.execute(media).await;
        emulated.expect("media features can be emulated");
    }

    /// Goes to a page of the gateway.
    pub(crate) async fn goto(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.page.goto(url).await.expect("the page loads");
    }

    /// Reloads the page.
    pub(crate) async fn reload(&self) {
        self.page.reload().await.expect("the page loads again");
    }

    /// Evaluates an expression.
    pub(crate) async fn js(&self, expression: &str) -> Value {
        let response = self.page.evaluate_expression(expression).await;
        let response = response.unwrap_or_else(|error| panic!("{expression}: {error}"));
        response.value().cloned().unwrap_or_default()
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, what: &str, expression: &str) {
        eventually(what, DEADLINE, async || {
            let value = self.js(expression).await;
            let seen = async || self.text().await.chars().take(1_500).collect::<String>();
            if value == true {
                Ok(())
            } else {
                Err(format!("{value}; the page: {}", seen().await))
            }
        })
        .await;
    }

    /// Waits until another page is loaded at a path. Evaluations fail while the page is replaced.
    pub(crate) async fn arrives_at(&self, path: &str) {
        let arrived = format!(
            "location.pathname === {} && document.readyState === 'complete'",
            json!(path)
        );
        eventually("the other page is loaded", DEADLINE, async || {
            let at = self.page.evaluate_expression(arrived.as_str()).await;
            let at = at.map_err(|error| error.to_string())?;
            ensure(at.value() == Some(&json!(true)), || path.to_owned())
        })
        .await;
    }

    /// The visible text.
    pub(crate) async fn text(&self) -> String {
        let text = self
            .js("document.body ? document.body.innerText : ''")
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a text is visible.
    pub(crate) async fn sees(&self, text: &str) {
        self.until(&format!("“{text}” is visible"), &includes(text))
            .await;
    }

    /// Waits until a text is no longer visible.
    pub(crate) async fn no_longer_sees(&self, text: &str) {
        self.until(
            &format!("“{text}” is no longer visible"),
            &format!("!({})", includes(text)),
        )
        .await;
    }

    /// Waits for a visible, uncovered element with this role and name; returns its position.
    pub(crate) async fn finds(&self, role: &str, name: &str) -> Point {
        let call = format!(
            "(() => {{ const found = {FIND}({}, {}); delete found.element; return found; }})()",
            json!(role),
            json!(name)
        );
        eventually(&format!("the {role} “{name}”"), DEADLINE, async || {
            let found = self.js(&call).await;
            ensure(found["x"].is_number(), || found["seen"].to_string())?;
            let at = |axis: &str| found[axis].as_f64().unwrap_or_default();
            Ok(Point::new(at("x"), at("y")))
        })
        .await
    }

    /// Clicks an element, once it no longer moves.
    pub(crate) async fn click(&self, role: &str, name: &str) {
        let point = eventually(
            &format!("“{name}” does not move"),
            DEADLINE,
            async || {
                let (before, after) = (self.finds(role, name).await, self.finds(role, name).await);
                ensure(before == after, || format!("{before:?}, then {after:?}"))?;
                Ok(after)
            },
        )
        .await;
        self.page
            .click(point)
            .await
            .expect("the mouse can be pressed");
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        self.finds("textbox", name).await;
        let field = format!("{FIND}('textbox', {}).element", json!(name));
        self.js(&format!(
            "(() => {{ const field = {field}; field.focus(); field.select(); }})()"
        ))
        .await;
        if text.is_empty() {
            self.press("Delete").await;
        } else {
            let typed = self.page.execute(InsertTextParams::new(text)).await;
            typed.expect("text can be typed");
        }
        self.until(
            "the field has the text",
            &format!("{field}.value === {}", json!(text)),
        )
        .await;
    }

    /// Selects an option of a list.
    pub(crate) async fn choose(&self, name: &str, value: &str) {
        self.finds("combobox", name).await;
        let field = format!("{FIND}('combobox', {}).element", json!(name));
        self.js(&format!(
            "(() => {{ const list = {field}; list.value = {}; list.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()",
            json!(value)
        ))
        .await;
    }

    /// Presses a key that types nothing.
    pub(crate) async fn press(&self, key: &str) {
        for kind in [
            DispatchKeyEventType::RawKeyDown,
            DispatchKeyEventType::KeyUp,
        ] {
            self.key(key, kind, &[]).await;
        }
    }

    /// A key goes down or up; `commands` are its editing commands, such as `paste`.
    pub(crate) async fn key(&self, key: &str, kind: DispatchKeyEventType, commands: &[&str]) {
        let event = DispatchKeyEventParams::builder()
            .r#type(kind)
            .key(key)
            .code(key)
            .windows_virtual_key_code(match key {
                "Enter" => 13,
                "Escape" => 27,
                "Delete" => 46,
                "Tab" => 9,
                _ => 0,
            })
            .commands(commands.iter().map(ToString::to_string))
            .build()
            .expect("a key event is complete");
        self.page.execute(event).await.expect("keys can be pressed");
    }

    /// Selects text of a field, in UTF-16 units, and focuses it.
    pub(crate) async fn select(&self, name: &str, start: usize, end: usize) {
        self.finds("textbox", name).await;
        self.js(&format!(
            "(() => {{ const field = {FIND}('textbox', {}).element; field.focus(); field.setSelectionRange({start}, {end}); }})()",
            json!(name)
        ))
        .await;
    }

    /// Types at the caret, or over the selection.
    pub(crate) async fn type_text(&self, text: &str) {
        let typed = self.page.execute(InsertTextParams::new(text)).await;
        typed.expect("text can be typed");
    }

    /// Runs an editing command: `undo`, `redo`, `copy`, `paste`.
    pub(crate) async fn shortcut(&self, command: &str) {
        self.key("F24", DispatchKeyEventType::RawKeyDown, &[command])
            .await;
    }

    /// Pastes a text into the focused field, as if another program had copied it.
    pub(crate) async fn paste(&self, text: &str) {
        self.js(&format!(
            "document.addEventListener('copy', (event) => {{ event.clipboardData.setData('text/plain', {}); event.preventDefault(); }}, {{ once: true }})",
            json!(text)
        ))
        .await;
        self.shortcut("copy").await;
        self.shortcut("paste").await;
    }

    /// Reloads the page and accepts the dialog that asks before it unloads. Returns whether the
    /// dialog opened.
    pub(crate) async fn reload_with_dialog(&self) -> bool {
        let mut dialogs = self
            .page
            .event_listener::<EventJavascriptDialogOpening>()
            .await
            .expect("the page is open");
        self.js("window.isReloading = true").await;
        let reload = self.page.execute(ReloadParams::default());
        let agree = async {
            let opened = tokio::time::timeout(DEADLINE, dialogs.next()).await;
            let asks =
                matches!(&opened, Ok(Some(dialog)) if dialog.r#type == DialogType::Beforeunload);
            if asks {
                let accept = HandleJavaScriptDialogParams::new(true);
                self.page
                    .execute(accept)
                    .await
                    .expect("dialogs can be accepted");
            }
            asks
        };
        let (_, asks) = tokio::join!(reload, agree);
        // Evaluations fail while the page is replaced.
        eventually("the new page has loaded", DEADLINE, async || {
            let fresh = self
                .page
                .evaluate_expression("window.isReloading === undefined")
                .await;
            let fresh = fresh.map_err(|error| error.to_string())?;
            ensure(fresh.value() == Some(&json!(true)), || {
                "the old page".to_owned()
            })
        })
        .await;
        asks
    }
}

fn includes(text: &str) -> String {
    format!(
        "(document.body ? document.body.innerText : '').includes({})",
        json!(text)
    )
}

async fn launch(profile: &TempDir) -> (Browser, Handler) {
    let config = BrowserConfig::builder()
        .chrome_executable(chromium())
        .user_data_dir(profile.path())
        .no_sandbox()
        .window_size(1440, 900)
        .viewport(Viewport {
            width: 1440,
            height: 900,
            ..Viewport::default()
        })
        .args([
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
        ])
        .launch_timeout(DEADLINE)
        .build()
        .expect("the browser's configuration is complete");
    Browser::launch(config).await.expect("Chromium starts")
}

fn chromium() -> PathBuf {
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome-stable",
        "google-chrome",
    ];
    let path = tools::path_variable();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(std::iter::once(tools::root().join(".tools/bin")))
        .collect();
    let candidates = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    found.unwrap_or_else(|| panic!("there is no Chromium on PATH: run `cargo xtask setup --tests`"))
}

async fn handle(mut handler: Handler) {
    while handler.next().await.is_some() {}
}

/// Collects the errors of the page from now on.
async fn listen(page: &Page) -> Arc<Mutex<Vec<String>>> {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let keep = |errors: &Arc<Mutex<Vec<String>>>, text: String| {
        errors
            .lock()
            .expect("no holder of the lock panics")
            .push(text);
    };
    page.enable_log().await.expect("the log can be read");
    page.enable_runtime()
        .await
        .expect("the console can be read");
    page.add_init_script(REPORT_VIOLATIONS)
        .await
        .expect("scripts can be added");
    let mut calls = page
        .event_listener::<runtime::EventConsoleApiCalled>()
        .await
        .expect("the page is open");
    let mut thrown = page
        .event_listener::<runtime::EventExceptionThrown>()
        .await
        .expect("the page is open");
    let mut entries = page
        .event_listener::<log::EventEntryAdded>()
        .await
        .expect("the page is open");
    let kept = Arc::clone(&errors);
    spawn(async move {
        loop {
            tokio::select! {
                Some(call) = calls.next() => {
                    let bad = [runtime::ConsoleApiCalledType::Error, runtime::ConsoleApiCalledType::Assert];
                    if bad.contains(&call.r#type) {
                        let words = call.args.iter().map(|word| match (&word.value, &word.description) {
                            (Some(Value::String(text)), _) | (None, Some(text)) => text.clone(),
                            (value, _) => format!("{value:?}"),
                        });
                        keep(&kept, format!("console: {}", words.collect::<Vec<_>>().join(" ")));
                    }
                }
                Some(exception) = thrown.next() => {
                    keep(&kept, format!("exception: {:?}", exception.exception_details));
                }
                Some(entry) = entries.next() => {
                    if entry.entry.level == log::LogEntryLevel::Error {
                        let url = entry.entry.url.clone().unwrap_or_default();
                        keep(&kept, format!("{:?}: {} {url}", entry.entry.source, entry.entry.text));
                    }
                }
                else => return,
            }
        }
    });
    errors
}
