//! GetLocalListVersion: which version does the local list have (§ 5.10)?

record! {
    pub struct Request {}
}

record! {
    pub struct Response {
        /// 0: the list is empty. -1: there are no lists.
        list_version as "listVersion": i64,
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
    fn no_lists() {
        let text = r#"{}"#;
        let request: Request = clean(text);
        assert_eq!(json(&request), text);
        let text = r#"{"listVersion":-1}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }
}
