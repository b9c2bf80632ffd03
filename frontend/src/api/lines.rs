//! The lines of a response that arrives in pieces.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::model::split_lines::Splitter;

/// The lines of a response's body.
pub(super) struct Lines {
    /// The body's reader; reached by name, since no dependency has bindings for it.
    reader: JsValue,
    splitter: Splitter,
    is_over: bool,
}

impl Lines {
    /// The lines of a body that is not being read yet.
    pub(super) fn of(body: &web_sys::ReadableStream) -> Option<Self> {
        Some(Self {
            reader: call(body, "getReader")?,
            splitter: Splitter::default(),
            is_over: false,
        })
    }

    /// The next line without its end; `Some(None)` after the last one, `None` if the response broke off.
    pub(super) async fn next(&mut self) -> Option<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.splitter.next_line() {
                return Some(Some(line));
            }
            if self.is_over {
                return Some(self.splitter.rest());
            }
            let reading: js_sys::Promise = call(&self.reader, "read")?.dyn_into().ok()?;
            let read = JsFuture::from(reading).await.ok()?;
            self.is_over = get(&read, "done")?.as_bool()?;
            if !self.is_over {
                let piece: js_sys::Uint8Array = get(&read, "value")?.dyn_into().ok()?;
                self.splitter.push(&piece.to_vec());
            }
        }
    }
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &name.into()).ok()
}

fn call(object: &JsValue, method: &str) -> Option<JsValue> {
    let method: js_sys::Function = get(object, method)?.dyn_into().ok()?;
    method.call0(object).ok()
}
