//! The macro that runs one case against both gateways.

/// A case for both gateways:
///
/// - `case!(name, |side| { … })`: in front of the shared etcd;
/// - `case!(name, own_etcd, |side| { … })`: with a separate etcd;
/// - `case!(name, own_etcd(flags), |side| { … })`: with a separate etcd that has these flags;
/// - `case!(name, tls, |side| { … })`: in front of the shared etcd, and once more over TLS;
/// - `case!(name, with_certificate(Nameless), |side| { … })`: over TLS with this client certificate;
/// - `case!(name, three, |three| { … })`: with a cluster of three members.
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
    ($name:ident, with_certificate($certificate:ident), |$side:ident| $body:block) => {
        $crate::case!(@both $name, $side, $crate::side::Side,
            $crate::side::Side::with_certificate(false, $crate::side::Certificate::$certificate, &[]),
            $crate::side::Side::with_certificate(true, $crate::side::Certificate::$certificate, &[]), {}, $body);
    };
    ($name:ident, three, |$three:ident| $body:block) => {
        $crate::case!(@both $name, $three, $crate::members::Three,
            $crate::members::Three::start(false), $crate::members::Three::start(true), {}, $body);
    };
    ($name:ident, own_etcd, |$side:ident| $body:block) => {
        $crate::case!($name, own_etcd(&[]), |$side| $body);
    };
    ($name:ident, own_etcd($flags:expr), |$side:ident| $body:block) => {
        $crate::case!(@both $name, $side, $crate::side::Side,
            $crate::side::Side::own_etcd(false, $flags),
            $crate::side::Side::own_etcd(true, $flags), {}, $body);
    };
    (@both $name:ident, $side:ident, $context:ty, $etcd:expr, $ours:expr, { $($more:item)* }, $body:block) => {
        pub(crate) async fn $name($side: &mut $context) $body

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
