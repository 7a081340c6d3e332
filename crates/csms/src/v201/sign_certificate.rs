//! SignCertificate (A02): the station wants a client certificate; it comes by CertificateSigned. Certificates for cars (ISO 15118) are
//! not signed here.

use ocpp::Violation;
use ocpp::v201::certificates::CertificateSigningUse;
use ocpp::v201::common::GenericStatus;
use ocpp::v201::sign_certificate::{Request, Response};

use super::{Context, HandlerError};
use crate::certificate_request;
use crate::handler::Answer;

pub(super) async fn handle(context: Context, request: Request) -> Result<Answer<Response>, HandlerError> {
    let refused = match request.certificate_type {
        None | Some(CertificateSigningUse::ChargingStationCertificate) => {
            certificate_request::take(&context, request.csr.as_str()).await?.err()
        }
        Some(_) => Some(Violation { path: "certificateType".into(), what: "only the station's own are signed here".into() }),
    };
    let status = if refused.is_some() { GenericStatus::Rejected } else { GenericStatus::Accepted };
    Ok(Answer { response: Response { status, status_info: None }, meter: None, notes: refused.into_iter().collect() })
}
