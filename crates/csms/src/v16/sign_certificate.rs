//! SignCertificate (whitepaper, A02): the charge point wants a client certificate; it comes by CertificateSigned.

use ocpp::v16::common::Acceptance;
use ocpp::v16::sign_certificate::{Request, Response};

use super::{Context, HandlerError};
use crate::certificate_request;
use crate::handler::Answer;

pub(super) async fn handle(context: Context, request: Request) -> Result<Answer<Response>, HandlerError> {
    let refused = certificate_request::take(&context, request.csr.as_str()).await?.err();
    let status = if refused.is_some() { Acceptance::Rejected } else { Acceptance::Accepted };
    Ok(Answer { response: Response { status }, meter: None, notes: refused.into_iter().collect() })
}
