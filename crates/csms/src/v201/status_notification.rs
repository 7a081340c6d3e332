//! StatusNotification: what a connector is doing, in five words; what an occupied one does, its transaction tells.

use domain::stations::ConnectorStatus;
use ocpp::v201::status_notification::{ConnectorStatus as Status, Request, Response};
use platform::stations::StatusReport;

use super::{Context, HandlerError, number};

pub(super) async fn handle(context: Context, request: Request) -> Result<Response, HandlerError> {
    // Field case 18: EVSE 0 is the charge point as a whole, connector 0 the EVSE, which has its one connector here.
    let (evse_no, connector_no) = (number(request.evse_id), number(request.connector_id).max(1));
    match status(&request.connector_status) {
        Some(status) => {
            let report = StatusReport { evse_no, connector_no, status, error_code: None };
            context.connector_status(report).await?;
        }
        // That something is plugged in somewhere says nothing of the charge point as a whole.
        None if evse_no == 0 => {}
        None => {
            let _turn = context.csms.0.admission.message().await;
            context.csms.0.charging.connector_occupied(context.lease, evse_no, connector_no).await?;
        }
    }
    Ok(Response {})
}

/// `None` for an occupied one.
fn status(status: &Status) -> Option<ConnectorStatus> {
    Some(match status {
        Status::Available => ConnectorStatus::Available,
        Status::Occupied => return None,
        Status::Reserved => ConnectorStatus::Reserved,
        Status::Unavailable => ConnectorStatus::Unavailable,
        Status::Faulted => ConnectorStatus::Faulted,
        // Vendors send 1.6's words, too.
        Status::Other(word) => match word.to_ascii_lowercase().as_str() {
            "preparing" | "charging" | "suspendedev" | "suspendedevse" => return None,
            "finishing" => ConnectorStatus::Finishing,
            _ => ConnectorStatus::Unknown,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_standard_has_its_own_meaning() {
        let meanings: std::collections::HashSet<_> = Status::ALL.iter().map(status).collect();
        assert_eq!(meanings.len(), Status::ALL.len());
        assert!(!meanings.contains(&Some(ConnectorStatus::Unknown)));
    }

    #[test]
    fn the_words_of_1_6_are_understood() {
        assert_eq!(status(&Status::Other("Charging".into())), None);
        assert_eq!(status(&Status::Other("Foo".into())), Some(ConnectorStatus::Unknown));
    }
}
