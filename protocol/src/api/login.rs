//! How a browser comes in.

http! {
    /// A one-time login: the answer of `POST /login-codes`.
    pub struct LoginCode {
        /// What the browser opens; void after 60 seconds or one use.
        pub url: String,
    }

    /// `POST /login`.
    pub struct Login {
        /// The code of the URL's fragment.
        pub code: String,
    }
}
