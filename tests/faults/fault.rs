//! What can go wrong with a call.

use crate::{happening::Happening, invocation::Death, journal::Name};
use rules::{Answer, Call};
use serde_json::json;
use std::fmt;

/// How many calls in a row are refused where the service's own rights are lacking.
const OWN_RIGHTS_LACK: u32 = 12;

/// A fault that is to happen in a run.
#[derive(Clone, Debug)]
pub struct Planned {
    /// To which call.
    pub at: Name,
    /// What.
    pub class: Class,
}

impl Planned {
    /// Whether it happens to this call.
    pub fn is_at(&self, name: &Name) -> bool {
        let after = name.occurrence.checked_sub(self.at.occurrence);
        self.at.is_like(name) && after.is_some_and(|after| after < self.times())
    }

    /// To how many calls in a row it happens. What the service lacks to run at all is given back by somebody, some
    /// time: until then nothing can come to rest, and afterwards it must.
    fn times(&self) -> u32 {
        let is_own =
            ["states", "dynamodb", "lambda"].contains(&self.at.service.as_str()) || self.at.action == "PutEvents";
        if is_own { self.class.times().min(OWN_RIGHTS_LACK) } else { self.class.times() }
    }
}

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// AWS asks to slow down, three times.
    Throttled,
    /// AWS answers a server error and does nothing, once.
    ServerError,
    /// The same three times.
    ServerErrorThreeTimes,
    /// The connection breaks before AWS hears of the call, three times.
    ConnectionReset,
    /// AWS refuses the call for lack of a right, for good.
    AccessDenied,
    /// A quota is used up, for good.
    QuotaExceeded,
    /// The call is carried out and the connection breaks.
    ReplyLostByReset,
    /// The call is carried out and answered with a server error.
    ReplyLostByServerError,
    /// The call is carried out and the answer does not come in time.
    ReplyLostByTimeout,
    /// The same call reaches AWS twice.
    SentTwice,
    /// This one look does not see what was written of late.
    LookLags,
    /// The function's process ends before the call.
    KilledBefore,
    /// The call is carried out and the function's process ends.
    KilledAfter,
    /// The call is carried out and the function hangs until it is ended.
    TimedOutAfter,
    /// The owner asks for a delete.
    DeleteArrives,
    /// The owner asks for a delete twice.
    TwoDeletesArrive,
    /// The request is sent again.
    RequestRepeated,
    /// Somebody stops the execution.
    ExecutionStopped,
    /// Somebody stops the execution and redrives it.
    ExecutionRedriven,
    /// Somebody starts another execution with the same input.
    ExecutionStartedByHand,
    /// The step is invoked a second time.
    SecondInvocation,
    /// Somebody makes a thing of this name.
    TwinMidway,
    /// Somebody has made a thing of this name before.
    TwinBefore,
    /// Reads do not see for a while what was written.
    ReadsLag,
    /// Every API asks to slow down when it is called too often.
    ApisThrottle,
    /// NAT gateways fail.
    NatGatewaysFail,
    /// Tasks stop as soon as they have started.
    TasksCrash,
    /// Tasks find no place.
    TasksAreUnplaceable,
    /// Tasks run, and no worker in them reaches Prefect.
    WorkersStayOffline,
    /// The account has no room for one more VPC.
    NoRoomForVpc,
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub struct Treatment {
    /// What happens beside it, before it is sent.
    pub meanwhile: Option<Happening>,
    /// How often AWS carries it out.
    pub carried_out: u8,
    /// Whether it sees nothing of what was written of late.
    pub lags: bool,
    /// What the function sees of it.
    pub then: Then,
}

/// What a function sees of a call.
#[derive(Clone, Debug)]
pub enum Then {
    /// AWS's answer.
    Answer,
    /// A refusal.
    Refusal(Refusal),
    /// A broken connection.
    Reset,
    /// Nothing, until it gives the call up.
    Timeout,
    /// Nothing, for it dies.
    Death(Death),
}

/// A refusal of AWS.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// Slow down.
    Throttled,
    /// A server error.
    ServerError,
    /// No right.
    AccessDenied,
    /// A quota.
    QuotaExceeded,
}

impl Class {
    /// What one call may meet, whatever the run is like.
    pub const OF_A_CALL: [Class; 22] = [
        Class::Throttled,
        Class::ServerError,
        Class::ServerErrorThreeTimes,
        Class::ConnectionReset,
        Class::AccessDenied,
        Class::QuotaExceeded,
        Class::ReplyLostByReset,
        Class::ReplyLostByServerError,
        Class::ReplyLostByTimeout,
        Class::SentTwice,
        Class::LookLags,
        Class::KilledBefore,
        Class::KilledAfter,
        Class::TimedOutAfter,
        Class::DeleteArrives,
        Class::TwoDeletesArrive,
        Class::RequestRepeated,
        Class::ExecutionStopped,
        Class::ExecutionRedriven,
        Class::ExecutionStartedByHand,
        Class::SecondInvocation,
        Class::TwinMidway,
    ];

    /// How AWS itself may be in a run.
    pub const OF_THE_RUN: [Class; 7] = [
        Class::ReadsLag,
        Class::ApisThrottle,
        Class::NatGatewaysFail,
        Class::TasksCrash,
        Class::TasksAreUnplaceable,
        Class::WorkersStayOffline,
        Class::NoRoomForVpc,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Throttled => "throttled",
            Class::ServerError => "server-error",
            Class::ServerErrorThreeTimes => "server-error-three-times",
            Class::ConnectionReset => "connection-reset",
            Class::AccessDenied => "access-denied",
            Class::QuotaExceeded => "quota-exceeded",
            Class::ReplyLostByReset => "reply-lost-by-reset",
            Class::ReplyLostByServerError => "reply-lost-by-server-error",
            Class::ReplyLostByTimeout => "reply-lost-by-timeout",
            Class::SentTwice => "sent-twice",
            Class::LookLags => "look-lags",
            Class::KilledBefore => "killed-before",
            Class::KilledAfter => "killed-after",
            Class::TimedOutAfter => "timed-out-after",
            Class::DeleteArrives => "delete-arrives",
            Class::TwoDeletesArrive => "two-deletes-arrive",
            Class::RequestRepeated => "request-repeated",
            Class::ExecutionStopped => "execution-stopped",
            Class::SecondInvocation => "second-invocation",
            Class::TwinMidway => "twin-midway",
            Class::TwinBefore => "twin-before",
            Class::ExecutionRedriven => "execution-redriven",
            Class::ExecutionStartedByHand => "execution-started-by-hand",
            Class::ReadsLag => "reads-lag",
            Class::ApisThrottle => "apis-throttle",
            Class::NatGatewaysFail => "nat-gateways-fail",
            Class::TasksCrash => "tasks-crash",
            Class::TasksAreUnplaceable => "tasks-are-unplaceable",
            Class::WorkersStayOffline => "workers-stay-offline",
            Class::NoRoomForVpc => "no-room-for-vpc",
        }
    }

    /// To how many calls in a row it happens.
    fn times(self) -> u32 {
        match self {
            Class::Throttled | Class::ConnectionReset | Class::ServerErrorThreeTimes => 3,
            Class::AccessDenied | Class::QuotaExceeded => u32::MAX,
            _ => 1,
        }
    }

    /// Whether it is how the whole run is, and not what one call meets.
    pub fn is_of_the_run(self) -> bool {
        self == Class::TwinBefore || Class::OF_THE_RUN.contains(&self)
    }

    /// What becomes of the call.
    pub fn treatment(self) -> Treatment {
        let refused = |refusal| (None, 0, Then::Refusal(refusal));
        let meanwhile = |happening| (Some(happening), 1, Then::Answer);
        let (meanwhile, carried_out, then) = match self {
            Class::Throttled => refused(Refusal::Throttled),
            Class::ServerError | Class::ServerErrorThreeTimes => refused(Refusal::ServerError),
            Class::AccessDenied => refused(Refusal::AccessDenied),
            Class::QuotaExceeded => refused(Refusal::QuotaExceeded),
            Class::ConnectionReset => (None, 0, Then::Reset),
            Class::ReplyLostByReset => (None, 1, Then::Reset),
            Class::ReplyLostByServerError => (None, 1, Then::Refusal(Refusal::ServerError)),
            Class::ReplyLostByTimeout => (None, 1, Then::Timeout),
            Class::SentTwice => (None, 2, Then::Answer),
            Class::LookLags => (None, 1, Then::Answer),
            Class::KilledBefore => (None, 0, Then::Death(Death::Exit)),
            Class::KilledAfter => (None, 1, Then::Death(Death::Exit)),
            Class::TimedOutAfter => (None, 1, Then::Death(Death::Timeout)),
            Class::DeleteArrives => meanwhile(Happening::DeleteAsked(1)),
            Class::TwoDeletesArrive => meanwhile(Happening::DeleteAsked(2)),
            Class::RequestRepeated => meanwhile(Happening::RequestRepeated),
            Class::ExecutionStopped => meanwhile(Happening::ExecutionStopped),
            Class::SecondInvocation => meanwhile(Happening::SecondInvocation),
            Class::TwinMidway => meanwhile(Happening::TwinMade),
            Class::ExecutionRedriven => meanwhile(Happening::ExecutionRedriven),
            Class::ExecutionStartedByHand => meanwhile(Happening::ExecutionStartedByHand),
            // These are how the whole run is.
            Class::TwinBefore
            | Class::ReadsLag
            | Class::ApisThrottle
            | Class::NatGatewaysFail
            | Class::TasksCrash
            | Class::TasksAreUnplaceable
            | Class::WorkersStayOffline
            | Class::NoRoomForVpc => (None, 1, Then::Answer),
        };
        Treatment { meanwhile, carried_out, lags: self == Class::LookLags, then }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Refusal {
    /// AWS's answer in the words of the call's service.
    pub fn of(self, call: &Call) -> Answer {
        let (status, code) = match self {
            Refusal::Throttled => throttling(&call.service),
            Refusal::ServerError => server_error(&call.service),
            Refusal::AccessDenied => access_denied(&call.service),
            Refusal::QuotaExceeded => (400, quota(&call.action).expect("only planned where there is a quota")),
        };
        Answer::error_with(call, status, code, "It is a test.", json!({}))
    }
}

fn throttling(service: &str) -> (u16, &'static str) {
    match service {
        "prefect" => (429, "Slow down"),
        "ec2" => (503, "RequestLimitExceeded"),
        "iam" => (400, "Throttling"),
        "servicediscovery" => (400, "RequestLimitExceeded"),
        "sqs" => (403, "RequestThrottled"),
        _ => (400, "ThrottlingException"),
    }
}

fn server_error(service: &str) -> (u16, &'static str) {
    match service {
        "ec2" => (500, "InternalError"),
        "iam" => (500, "ServiceFailure"),
        "dynamodb" => (500, "InternalServerError"),
        "ecs" => (500, "ServerException"),
        "secretsmanager" => (500, "InternalServiceError"),
        "events" => (500, "InternalException"),
        "application-autoscaling" => (500, "InternalServiceException"),
        _ => (500, "InternalFailure"),
    }
}

fn access_denied(service: &str) -> (u16, &'static str) {
    match service {
        "prefect" => (403, "Forbidden"),
        "ec2" => (403, "UnauthorizedOperation"),
        "iam" | "sqs" => (403, "AccessDenied"),
        _ => (400, "AccessDeniedException"),
    }
}

/// The code of a create's own quota.
pub fn quota(action: &str) -> Option<&'static str> {
    Some(match action {
        "CreateVpc" => "VpcLimitExceeded",
        "CreateSubnet" => "SubnetLimitExceeded",
        "CreateInternetGateway" => "InternetGatewayLimitExceeded",
        "CreateRouteTable" => "RouteTableLimitExceeded",
        "CreateRoute" => "RouteLimitExceeded",
        "CreateSecurityGroup" => "SecurityGroupLimitExceeded",
        "AllocateAddress" => "AddressLimitExceeded",
        "CreateNatGateway" => "NatGatewayLimitExceeded",
        "CreateRole" | "PutRolePolicy" | "AttachRolePolicy" => "LimitExceeded",
        "CreateLogGroup" | "CreateSecret" | "PutRule" | "RegisterScalableTarget" | "PutScalingPolicy" => {
            "LimitExceededException"
        }
        "CreatePrivateDnsNamespace" => "ResourceLimitExceeded",
        _ => return None,
    })
}
