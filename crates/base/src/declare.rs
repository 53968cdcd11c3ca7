//! Types in TypeScript.

/// Appends the exported TypeScript declarations of these types to a `String`, in this order.
#[macro_export]
macro_rules! declare_types {
    ($file:expr; $($ty:ty),* $(,)?) => {{
        let config = $crate::ts_rs::Config::default();
        $(
            $file.push_str("\nexport ");
            $file.push_str(&<$ty as $crate::ts_rs::TS>::decl(&config));
            $file.push('\n');
        )*
    }};
}
