//! SetNetworkProfile: how a station reaches us (B09).

use super::common::StatusInfo;
use crate::Text;

text_enum! {
    /// The specification's APNAuthenticationEnumType.
    pub enum ApnAuthentication {
        Chap = "CHAP",
        None = "NONE",
        Pap = "PAP",
        Auto = "AUTO",
    }
}

record! {
    /// The specification's APNType.
    pub struct Apn {
        apn as "apn": Text<512>,
        apn_authentication as "apnAuthentication": ApnAuthentication,
        apn_user_name as "apnUserName": Option<Text<20>>,
        apn_password as "apnPassword": Option<Text<20>>,
        sim_pin as "simPin": Option<i64>,
        preferred_network as "preferredNetwork": Option<Text<6>>,
        use_only_preferred_network as "useOnlyPreferredNetwork": Option<bool>,
    }
}

text_enum! {
    /// The specification's OCPPVersionEnumType.
    pub enum OcppVersion {
        Ocpp12 = "OCPP12",
        Ocpp15 = "OCPP15",
        Ocpp16 = "OCPP16",
        Ocpp20 = "OCPP20",
    }
}

text_enum! {
    /// The specification's OCPPTransportEnumType.
    pub enum OcppTransport {
        Json = "JSON",
        Soap = "SOAP",
    }
}

text_enum! {
    /// The specification's OCPPInterfaceEnumType.
    pub enum OcppInterface {
        Wired0 = "Wired0",
        Wired1 = "Wired1",
        Wired2 = "Wired2",
        Wired3 = "Wired3",
        Wireless0 = "Wireless0",
        Wireless1 = "Wireless1",
        Wireless2 = "Wireless2",
        Wireless3 = "Wireless3",
    }
}

text_enum! {
    /// The specification's VPNEnumType.
    pub enum VpnType {
        Ikev2 = "IKEv2",
        Ipsec = "IPSec",
        L2Tp = "L2TP",
        Pptp = "PPTP",
    }
}

record! {
    /// The specification's VPNType.
    pub struct Vpn {
        server as "server": Text<512>,
        user as "user": Text<20>,
        password as "password": Text<20>,
        key as "key": Text<255>,
        kind as "type": VpnType,
        group as "group": Option<Text<20>>,
    }
}

record! {
    /// The specification's NetworkConnectionProfileType.
    pub struct NetworkConnectionProfile {
        ocpp_version as "ocppVersion": OcppVersion,
        ocpp_transport as "ocppTransport": OcppTransport,
        ocpp_csms_url as "ocppCsmsUrl": Text<512>,
        message_timeout_s as "messageTimeout": u32,
        security_profile as "securityProfile": u32,
        ocpp_interface as "ocppInterface": OcppInterface,
        apn as "apn": Option<Apn>,
        vpn as "vpn": Option<Vpn>,
    }
}

record! {
    pub struct Request {
        /// Where the station keeps it; NetworkConfigurationPriority names it.
        configuration_slot as "configurationSlot": u32,
        connection_data as "connectionData": NetworkConnectionProfile,
    }
}

text_enum! {
    /// The specification's SetNetworkProfileStatusEnumType.
    pub enum Status {
        Accepted = "Accepted",
        Rejected = "Rejected",
        Failed = "Failed",
    }
}

record! {
    pub struct Response {
        status as "status": Status,
        status_info as "statusInfo": Option<StatusInfo>,
    }
}

impl crate::Message for Request {
    const ACTION: &'static str = "SetNetworkProfile";
    type Response = Response;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::testing::{clean, json, refused};

    #[test]
    fn a_new_address() {
        let text = r#"{"configurationSlot":1,"connectionData":{"ocppVersion":"OCPP20","ocppTransport":"JSON","ocppCsmsUrl":"wss://csms.example/ocpp","messageTimeout":30,"securityProfile":2,"ocppInterface":"Wireless0","apn":{"apn":"internet","apnAuthentication":"AUTO"}}}"#;
        let request: Request = clean(text);
        assert_eq!(request.connection_data.ocpp_interface, OcppInterface::Wireless0);
        assert_eq!(json(&request), text);
        let text = r#"{"status":"Accepted"}"#;
        assert_eq!(json(&clean::<Response>(text)), text);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            refused::<Request>(
                r#"{"connectionData":{"ocppVersion":"OCPP20","ocppTransport":"JSON","ocppCsmsUrl":"wss://csms.example/ocpp","messageTimeout":30,"securityProfile":2,"ocppInterface":"Wireless0","apn":{"apn":"internet","apnAuthentication":"AUTO"}}}"#
            ),
            (ErrorCode::OccurrenceConstraintViolation, "configurationSlot".into())
        );
    }
}
