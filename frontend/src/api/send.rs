//! The only place that sends requests.

use gloo_net::http::{Request, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::Problem;

use super::ApiError;
use super::base::api_url;
use super::lines::Lines;
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
}

impl Call {
    /// A request to a path below `/api/v1/`; its query must be encoded.
    pub(crate) fn new(method: Method, path_and_query: &str) -> Self {
        let url = api_url(path_and_query);
        let builder = match method {
            Method::Get => Request::get(&url),
            Method::Put => Request::put(&url),
            Method::Post => Request::post(&url),
            Method::Delete => Request::delete(&url),
            Method::Head => Request::get(&url).method(gloo_net::http::Method::HEAD),
        };
        Self {
            builder,
            body: None,
        }
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
        let abort = AbortOnDrop::new();
        let response = self.start(&abort).await?;
        let status = response.status();
        let body = response.binary().await.map_err(to_unreachable)?;
        abort.finished();
        if response.ok() {
            return serde_json::from_slice(&body).map_err(|_| ApiError::Unreadable(status));
        }
        Err(refusal(status, &body))
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
            return Err(refusal(status, &body));
        }
        let body = response.body().ok_or(ApiError::Unreadable(status))?;
        let mut lines = Lines::of(&body).ok_or(ApiError::Unreadable(status))?;
        while let Some(line) = lines.next().await.ok_or(ApiError::Unreachable)? {
            on_line(serde_json::from_slice(&line).map_err(|_| ApiError::Unreadable(status))?);
        }
        abort.finished();
        Ok(())
    }

    async fn start(self, abort: &AbortOnDrop) -> Result<Response, ApiError> {
        let builder = self.builder.abort_signal(abort.signal().as_ref());
        let request = match self.body {
            Some(body) => builder.body(body),
            None => builder.build(),
        };
        send_and_read_date(request.map_err(to_unreachable)?).await
    }

    /// Sends the request and returns the response's headers.
    pub(crate) async fn head(self) -> Result<gloo_net::http::Headers, ApiError> {
        let abort = AbortOnDrop::new();
        let request = self
            .builder
            .abort_signal(abort.signal().as_ref())
            .build()
            .map_err(to_unreachable)?;
        let response = send_and_read_date(request).await?;
        abort.finished();
        if response.ok() {
            Ok(response.headers())
        } else {
            Err(ApiError::Unreadable(response.status()))
        }
    }
}

/// Sends the request. The `Date` of every response updates the offset of the clocks.
async fn send_and_read_date(request: Request) -> Result<Response, ApiError> {
    let sent = clock::now_ms();
    let response = request.send().await.map_err(to_unreachable)?;
    if let Some(date) = response.headers().get("date") {
        clock::observe_date(&date, sent);
    }
    Ok(response)
}

/// The error of a response that is not a success.
fn refusal(status: u16, body: &[u8]) -> ApiError {
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
