//! GetLocalListVersion: which version does the local list have (D02)?

record! {
    pub struct Request {}
}

record! {
    pub struct Response {
        /// 0: there is no list.
        version_number as "versionNumber": i64,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetLocalListVersion";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, json};

    #[test]
    fn no_list() {
        let text = r#"{}"#;
        let request: Request = clean(text);
        assert_eq!(json(&request), text);
        let text = r#"{"versionNumber":0}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
