//! StatusNotification (1.6 § 4.9): what a connector, or the charge point as a whole (connector 0), is doing.

use domain::stations::ConnectorStatus;
use ocpp::v16::status_notification::{ErrorCode, Request, Response, Status};
use platform::stations::StatusReport;

use super::{CONNECTOR_NO, Context, HandlerError, evse_no};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    let report = StatusReport {
        evse_no: evse_no(request.connector_id),
        connector_no: CONNECTOR_NO,
        status: status(&request.status),
        error_code: (request.error_code != ErrorCode::NoError).then(|| request.error_code.as_str().to_owned()),
    };
    context.learn_clock("StatusNotification", request.timestamp.as_ref()).await;
    context.connector_status(report).await?;
    Ok(Response {})
}

fn status(status: &Status) -> ConnectorStatus {
    match status {
        Status::Available => ConnectorStatus::Available,
        Status::Preparing => ConnectorStatus::Preparing,
        Status::Charging => ConnectorStatus::Charging,
        Status::SuspendedEv => ConnectorStatus::SuspendedEv,
        Status::SuspendedEvse => ConnectorStatus::SuspendedEvse,
        Status::Finishing => ConnectorStatus::Finishing,
        Status::Reserved => ConnectorStatus::Reserved,
        Status::Unavailable => ConnectorStatus::Unavailable,
        Status::Faulted => ConnectorStatus::Faulted,
        // Vendors send 2.0.1's word, too: something is plugged in.
        Status::Other(word) if word.eq_ignore_ascii_case("Occupied") => ConnectorStatus::Preparing,
        Status::Other(_) => ConnectorStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_standard_has_its_own_meaning() {
        let meanings: std::collections::HashSet<_> = Status::ALL.iter().map(status).collect();
        assert_eq!(meanings.len(), Status::ALL.len());
        assert!(!meanings.contains(&ConnectorStatus::Unknown));
    }

    #[test]
    fn a_vendors_word_is_not_free() {
        assert_eq!(status(&Status::Other("Occupied".into())), ConnectorStatus::Preparing);
        assert!(!status(&Status::Other("Foo".into())).can_start());
    }
}
