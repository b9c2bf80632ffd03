//! Texts in English and Simplified Chinese. Each module declares an enum of its texts with
//! [`texts!`]; a text without a translation does not compile.
//!
//! In a view: `{tr(Text::Retry)}`; inside a closure: `let i18n = use_i18n(); … i18n.t(Text::Retry)`,
//! `i18n.fill(Text::DeletedKeys, &[&n])`. Both follow a change of language.

mod common;

pub(crate) use common::Common;
use leptos::prelude::*;

use crate::model::Lang;

/// A text with all its translations.
pub(crate) trait Text: Copy + Send + Sync + 'static {
    /// The text in a language, with `{0}`, `{1}` where it takes arguments.
    fn text(self, lang: Lang) -> &'static str;
}

/// Declares an enum of texts: `Name: "English", "中文";`.
macro_rules! texts {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($key:ident: $en:expr, $zh:expr;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($key,)* }

        impl $crate::i18n::Text for $name {
            fn text(self, lang: $crate::model::Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$key, $crate::model::Lang::En) => $en,
                      (Self::$key, $crate::model::Lang::Zh) => $zh,)*
                }
            }
        }
    };
}
pub(crate) use texts;

/// Puts arguments into a text's `{0}`, `{1}`….
pub(crate) fn fill(template: &str, args: &[&str]) -> String {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let argument = inner
            .find('}')
            .and_then(|close| Some((close, args.get(inner[..close].parse::<usize>().ok()?)?)));
        if let Some((close, argument)) = argument {
            out.push_str(argument);
            rest = &inner[close + 1..];
        } else {
            out.push('{');
            rest = inner;
        }
    }
    out.push_str(rest);
    out
}

/// The language in use; a context.
#[derive(Clone, Copy)]
pub(crate) struct I18n {
    lang: RwSignal<Lang>,
}

impl I18n {
    pub(crate) fn new(lang: Lang) -> Self {
        Self {
            lang: RwSignal::new(lang),
        }
    }

    /// The language; tracked in a reactive context.
    pub(crate) fn lang(self) -> Lang {
        self.lang.try_get().unwrap_or(Lang::En)
    }

    pub(crate) fn set(self, lang: Lang) {
        self.lang.set(lang);
    }

    /// A text.
    pub(crate) fn t(self, text: impl Text) -> &'static str {
        text.text(self.lang())
    }

    /// A text with its arguments.
    pub(crate) fn fill(self, text: impl Text, args: &[&str]) -> String {
        fill(self.t(text), args)
    }

    /// A text about an account: `named` with its name, or `nameless` where the name is not known.
    pub(crate) fn fill_name(
        self,
        name: Option<String>,
        named: impl Text,
        nameless: impl Text,
    ) -> String {
        match name {
            Some(name) => self.fill(named, &[&name]),
            None => self.t(nameless).to_owned(),
        }
    }

    /// A text about a number, inserted as `{0}` with grouped digits: `one` for exactly one, else
    /// `many`.
    pub(crate) fn plural(self, n: i64, one: impl Text, many: impl Text) -> String {
        let template = if n == 1 { self.t(one) } else { self.t(many) };
        fill(template, &[&crate::model::format::count(n)])
    }
}

/// The language in use.
pub(crate) fn use_i18n() -> I18n {
    expect_context()
}

/// A text for a view, in the language in use.
pub(crate) fn tr(text: impl Text) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    let i18n = use_i18n();
    move || i18n.t(text)
}

/// A text for a property, in the language in use.
pub(crate) fn label(text: impl Text) -> Signal<String> {
    let i18n = use_i18n();
    Signal::derive(move || i18n.t(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn arguments_are_filled_in_any_order() {
        for (template, text) in [
            ("{0} under {1}", "a under b"),
            ("{1} 下的 {0}", "b 下的 a"),
            ("{2} {x} {", "{2} {x} {"),
            ("plain", "plain"),
        ] {
            assert_eq!(fill(template, &["a", "b"]), text);
        }
    }
}
