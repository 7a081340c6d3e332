//! Routes with what each of them needs: a route that does not say it cannot be added.

use api::auth::{SecondStep, SecondStepProved};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use domain::auth::{Permission, SignInCode, visitor_reach};

use crate::pages::problem;
use crate::redirect::{escaped, see_other};
use crate::security::{field, has_form_token};
use crate::state::AppState;
use crate::visit::Visit;

/// What a route asks of who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Shows nothing of anybody and changes nothing but the browser's own cookies; the sign-in, which has proofs of its own.
    Nothing,
    /// Everybody may, visitors too: what is shown is public, or named by a secret in the address.
    Open(Permission),
    /// Only who is signed in and has the permission.
    May(Permission),
    /// The same, and a code of the app a moment ago: money moves by hand.
    MayAfresh(Permission),
}

/// A route as it was declared, for the test that walks them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    pub method: &'static str,
    pub path: &'static str,
    pub needs: Needs,
}

/// Collects routes and what they need.
pub struct Routes {
    state: AppState,
    router: Router<AppState>,
    declared: Vec<Declared>,
}

impl Routes {
    pub fn new(state: AppState) -> Self {
        Self { state, router: Router::new(), declared: Vec::new() }
    }

    pub fn get<T: 'static>(self, path: &'static str, needs: Needs, handler: impl Handler<T, AppState>) -> Self {
        self.route("GET", path, needs, get(handler))
    }

    pub fn post<T: 'static>(self, path: &'static str, needs: Needs, handler: impl Handler<T, AppState>) -> Self {
        self.route("POST", path, needs, post(handler))
    }

    fn route(mut self, method: &'static str, path: &'static str, needs: Needs, handler: MethodRouter<AppState>) -> Self {
        self.declared.push(Declared { method, path, needs });
        let guarded = match needs {
            Needs::Nothing | Needs::Open(_) => handler,
            Needs::May(permission) | Needs::MayAfresh(permission) => handler.layer(from_fn_with_state(
                self.state.clone(),
                move |State(state): State<AppState>, visit: Visit, request: Request, next: Next| {
                    guard(state, permission, matches!(needs, Needs::MayAfresh(_)), visit, request, next)
                },
            )),
        };
        self.router = self.router.route(path, guarded);
        self
    }

    pub fn finish(self) -> (Router<AppState>, Vec<Declared>) {
        debug_assert!(
            self.declared.iter().all(|declared| declared.needs.is_consistent()),
            "an open route needs an open permission"
        );
        (self.router, self.declared)
    }
}

impl Needs {
    /// What is open to everybody must be a visitor's right, and what is not must not be.
    fn is_consistent(self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Open(permission) => visitor_reach(permission).is_some(),
            Self::May(permission) | Self::MayAfresh(permission) => visitor_reach(permission).is_none(),
        }
    }
}

/// Where staff takes the second step.
pub const SECOND_STEP: &str = "/sign-in/second-step";
/// The field of a form that moves money: a code of the app.
pub const SECOND_STEP_FIELD: &str = "second_step";

/// The longest form.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// Lets pass who may. Whoever is not signed in is led to the sign-in and back, and staff to the second step; a form must carry the session's word,
/// and one that moves money a code of the app, unless one was shown a moment ago.
async fn guard(state: AppState, permission: Permission, afresh: bool, visit: Visit, request: Request, next: Next) -> Response {
    let Some(who) = &visit.who else {
        let back = if request.method() == Method::GET { visit.here.as_str() } else { "/account" };
        return see_other(&format!("/sign-in?next={}", escaped(back)));
    };
    if who.reach(permission).is_none() {
        if who.reach_by_second_step(permission).is_none() {
            return problem::not_allowed(&visit);
        }
        let back = if request.method() == Method::GET { visit.here.as_str() } else { "/account" };
        return see_other(&format!("{SECOND_STEP}?next={}", escaped(back)));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, FORM_BYTES_MAX).await else {
        return problem::unreadable(&visit, StatusCode::PAYLOAD_TOO_LARGE);
    };
    if !has_form_token(&state, &parts.headers, &body, &who.session.to_string()).await {
        return problem::forbidden(&visit);
    }
    if afresh && who.second_step != SecondStep::Fresh {
        let typed = field(&body, SECOND_STEP_FIELD).unwrap_or_default();
        let Ok(code) = SignInCode::parse(&typed) else { return problem::second_step_wanted(&visit, None) };
        match state.auth.prove_second_step(who, code).await {
            Ok(SecondStepProved::Yes) => {}
            Ok(SecondStepProved::WrongCode) => return problem::second_step_wanted(&visit, None),
            Ok(SecondStepProved::TooMany(until)) => return problem::second_step_wanted(&visit, Some(until)),
            Err(error) => return problem::failed(&visit, error),
        }
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}
