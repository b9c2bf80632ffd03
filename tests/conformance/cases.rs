//! How a case is written once and run on both sides.

/// A case for both sides: `case!(name, |side| { … })`, `case!(name, alone, |side| { … })` with an etcd of
/// its own, `case!(name, alone(flags), |side| { … })` with flags too; `case!(name, tls, |side| { … })` is
/// run on both once more, before an etcd that speaks TLS; `case!(name, showing(Nameless), |side| { … })` with
/// this certificate there; `case!(name, three, |three| { … })` has a cluster.
#[macro_export]
macro_rules! case {
    ($name:ident, |$side:ident| $body:block) => {
        $crate::case!(@both $name, $side, $crate::side::Side,
            $crate::side::Side::etcd(), $crate::side::Side::ours(), {}, $body);
    };
    ($name:ident, tls, |$side:ident| $body:block) => {
        $crate::case!(@both $name, $side, $crate::side::Side,
            $crate::side::Side::etcd(), $crate::side::Side::ours(),
            {
                #[tokio::test]
                async fn etcd_over_tls() {
                    super::$name(&mut $crate::side::Side::secure(false).await).await;
                }

                #[tokio::test]
                async fn watchgate_over_tls() {
                    super::$name(&mut $crate::side::Side::secure(true).await).await;
                }
            },
            $body);
    };
    ($name:ident, showing($shown:ident), |$side:ident| $body:block) => {
        $crate::case!(@both $name, $side, $crate::side::Side,
            $crate::side::Side::showing(false, $crate::side::Shown::$shown, &[]),
            $crate::side::Side::showing(true, $crate::side::Shown::$shown, &[]), {}, $body);
    };
    ($name:ident, three, |$three:ident| $body:block) => {
        $crate::case!(@both $name, $three, $crate::members::Three,
            $crate::members::Three::start(false), $crate::members::Three::start(true), {}, $body);
    };
    ($name:ident, alone, |$side:ident| $body:block) => {
        $crate::case!($name, alone(&[]), |$side| $body);
    };
    ($name:ident, alone($flags:expr), |$side:ident| $body:block) => {
        $crate::case!(@both $name, $side, $crate::side::Side,
            $crate::side::Side::alone(false, $flags),
            $crate::side::Side::alone(true, $flags), {}, $body);
    };
    (@both $name:ident, $side:ident, $held:ty, $etcd:expr, $ours:expr, { $($more:item)* }, $body:block) => {
        pub(crate) async fn $name($side: &mut $held) $body

        mod $name {
            #[tokio::test]
            async fn etcd() {
                super::$name(&mut $etcd.await).await;
            }

            #[tokio::test]
            async fn watchgate() {
                super::$name(&mut $ours.await).await;
            }

            $($more)*
        }
    };
}
