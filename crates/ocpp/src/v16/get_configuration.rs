//! GetConfiguration: some keys, or all (§ 5.8, § 6.23).

use crate::Text;

record! {
    pub struct Request {
        /// Left out or empty: all keys.
        keys as "key": Option<Vec<Text<50>>>,
    }
}

record! {
    /// The specification's KeyValue.
    pub struct KeyValue {
        key as "key": Text<50>,
        readonly as "readonly": bool,
        value as "value": Option<Text<500>>,
    }
}

record! {
    pub struct Response {
        configuration_keys as "configurationKey": Option<Vec<KeyValue>>,
        unknown_keys as "unknownKey": Option<Vec<Text<50>>>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "GetConfiguration";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v16::common::testing::{clean, json, noted};

    #[test]
    fn all_or_some() {
        assert_eq!(json(&Request { keys: None }), "{}");
        assert_eq!(json(&Request { keys: Some(vec!["HeartbeatInterval".into()]) }), r#"{"key":["HeartbeatInterval"]}"#);
        let response: Response = clean(
            r#"{"configurationKey":[{"key":"HeartbeatInterval","readonly":false,"value":"300"},{"key":"X","readonly":true}],"unknownKey":["Y"]}"#,
        );
        assert_eq!(response.configuration_keys.unwrap()[0].value.as_deref(), Some("300"));
    }

    #[test]
    fn one_bad_key_does_not_cost_the_others() {
        let (response, notes) = noted::<Response>(
            r#"{"configurationKey":[{"key":"A","readonly":"false","value":"1"},{"readonly":true},{"key":"B","readonly":true}]}"#,
        );
        assert_eq!(response.configuration_keys.unwrap().len(), 2);
        assert_eq!(
            notes,
            ["configurationKey[0].readonly: a string, must be a boolean", "configurationKey[1].key: is required, left out",]
        );
    }
}
