//! The only place that sends requests.

use gloo_net::http::{Request, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::Problem;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::base::{api_url, gateway_api_url};
use super::lines::Lines;
use super::refusal::Credentials;
use super::{ApiError, activity};
use crate::clock;

/// HTTP methods of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Put,
    Post,
    Delete,
    Head,
}

/// A request builder: `Call::new(Method::Get, "kv?key=a").send::<KeyResponse>().await`.
pub(crate) struct Call {
    builder: RequestBuilder,
    body: Option<js_sys::Uint8Array>,
    by_user: bool,
    /// Whether a 401 means that the user must sign in.
    leads_to_sign_in: bool,
}

/// A refused request, with the response's `Retry-After`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) error: ApiError,
    /// Seconds to wait before the next attempt.
    pub(crate) retry_after: Option<i64>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

impl Call {
    /// A request to a path below `/api/v1/`; its query must be encoded.
    pub(crate) fn new(method: Method, path_and_query: &str) -> Self {
        Self::to(method, &api_url(path_and_query))
    }

    /// A request that is about no cluster.
    pub(crate) fn to_gateway(method: Method, path_and_query: &str) -> Self {
        Self::to(method, &gateway_api_url(path_and_query))
    }

    fn to(method: Method, url: &str) -> Self {
        let builder = match method {
            Method::Get => Request::get(url),
            Method::Put => Request::put(url),
            Method::Post => Request::post(url),
            Method::Delete => Request::delete(url),
            Method::Head => Request::get(url).method(gloo_net::http::Method::HEAD),
        };
        Self {
            builder,
            body: None,
            by_user: false,
            leads_to_sign_in: true,
        }
    }

    /// The user has requested this. Others count as the user's while the user is active.
    pub(crate) fn by_user(mut self) -> Self {
        self.by_user = true;
        self
    }

    /// A 401 is the response of this request alone.
    pub(crate) fn without_refusal(mut self) -> Self {
        self.leads_to_sign_in = false;
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Sets the body, byte for byte.
    pub(crate) fn bytes(mut self, body: &[u8]) -> Self {
        self.builder = self
            .builder
            .header("Content-Type", "application/octet-stream");
        self.body = Some(js_sys::Uint8Array::from(body));
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        let text = serde_json::to_vec(body).expect("our own types serialise");
        self.builder = self.builder.header("Content-Type", "application/json");
        self.body = Some(js_sys::Uint8Array::from(text.as_slice()));
        self
    }

    /// Sends the request and reads the response. Dropping the future aborts the request.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        self.send_or_wait().await.map_err(|refused| refused.error)
    }

    /// Like [`Call::send`]; the error has the response's `Retry-After`.
    pub(crate) async fn send_or_wait<T: DeserializeOwned>(self) -> Result<T, Refused> {
        let (response, body) = self.response().await?;
        serde_json::from_slice(&body).map_err(|_| ApiError::Unreadable(response.status()).into())
    }

    /// Sends the request; the response has no body.
    pub(crate) async fn done(self) -> Result<(), ApiError> {
        let sent = self.response().await;
        sent.map(|_| ()).map_err(|refused| refused.error)
    }

    /// Sends the request and passes the response's body on, piece by piece, until it ends or `on_piece` returns
    /// `false`. Dropping the future aborts the request.
    pub(crate) async fn stream(
        self,
        mut on_piece: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), ApiError> {
        // Aborts also when `on_piece` wants no more.
        let abort = AbortOnDrop::new();
        let response = self.start(&abort).await?;
        let status = response.status();
        if !response.ok() {
            let body = response.binary().await.map_err(to_unreachable)?;
            return Err(read_problem(&body, status));
        }
        let body = response.body().ok_or(ApiError::Unreadable(status))?;
        let reader: web_sys::ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let read = JsFuture::from(reader.read()).await;
            let read = read.map_err(|_| ApiError::Unreachable)?;
            let member = |name: &str| js_sys::Reflect::get(&read, &JsValue::from_str(name));
            let Ok(piece) = member("value").and_then(JsValue::dyn_into::<js_sys::Uint8Array>)
            else {
                // The last result has no value.
                return Ok(());
            };
            if !on_piece(&piece.to_vec()) {
                return Ok(());
            }
        }
    }

    /// Sends the request and reads a response of one JSON value per line, each as soon as it arrives. Dropping the
    /// future aborts the request.
    pub(crate) async fn lines<T: DeserializeOwned>(
        self,
        mut on_line: impl FnMut(T),
    ) -> Result<(), ApiError> {
        let abort = AbortOnDrop::new();
        let response = self.start(&abort).await?;
        let status = response.status();
        if !response.ok() {
            let body = response.binary().await.map_err(to_unreachable)?;
            return Err(read_problem(&body, status));
        }
        let body = response.body().ok_or(ApiError::Unreadable(status))?;
        let mut lines = Lines::of(&body).ok_or(ApiError::Unreadable(status))?;
        while let Some(line) = lines.next().await.ok_or(ApiError::Unreachable)? {
            on_line(serde_json::from_slice(&line).map_err(|_| ApiError::Unreadable(status))?);
        }
        abort.finished();
        Ok(())
    }

    /// Sends the request and returns the response's headers.
    pub(crate) async fn head(self) -> Result<gloo_net::http::Headers, ApiError> {
        let abort = AbortOnDrop::new();
        let response = self.start(&abort).await?;
        abort.finished();
        if response.ok() {
            Ok(response.headers())
        } else {
            Err(ApiError::Unreadable(response.status()))
        }
    }

    /// The response of a request that succeeded, and its body.
    async fn response(self) -> Result<(Response, Vec<u8>), Refused> {
        let abort = AbortOnDrop::new();
        let response = self.start(&abort).await?;
        let body = response.binary().await.map_err(to_unreachable)?;
        abort.finished();
        if response.ok() {
            return Ok((response, body));
        }
        let retry_after = response.headers().get("retry-after");
        Err(Refused {
            error: read_problem(&body, response.status()),
            retry_after: retry_after.and_then(|seconds| seconds.parse().ok()),
        })
    }

    /// Sends the request. The `Date` of every response updates the offset of the clocks.
    async fn start(self, abort: &AbortOnDrop) -> Result<Response, ApiError> {
        let mut builder = self.builder.abort_signal(abort.signal().as_ref());
        if !self.by_user && !activity::is_active() {
            builder = builder.header(activity::BACKGROUND, "true");
        }
        let request = match self.body {
            Some(body) => builder.body(body),
            None => builder.build(),
        };
        let request = request.map_err(to_unreachable)?;
        let (sent, credentials) = (clock::now_ms(), Credentials::current());
        let response = request.send().await.map_err(to_unreachable)?;
        if let Some(date) = response.headers().get("date") {
            clock::observe_date(&date, sent);
        }
        if response.status() == 401 && self.leads_to_sign_in {
            credentials.refused();
        }
        Ok(response)
    }
}

/// The problem in the body of a failed response.
fn read_problem(body: &[u8], status: u16) -> ApiError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ApiError::Problem(Box::new(problem)),
        Err(_) => ApiError::Unreadable(status),
    }
}

/// `fetch` has a single kind of error, without a reason.
fn to_unreachable(_: gloo_net::Error) -> ApiError {
    ApiError::Unreachable
}

struct AbortOnDrop(Option<web_sys::AbortController>);

impl AbortOnDrop {
    fn new() -> Self {
        Self(web_sys::AbortController::new().ok())
    }

    fn signal(&self) -> Option<web_sys::AbortSignal> {
        self.0.as_ref().map(web_sys::AbortController::signal)
    }

    fn finished(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}
