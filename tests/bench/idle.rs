//! A state machine that does nothing: what is measured is the API, and not the operations that it starts.

use end_to_end::{Cloud, Service};

const ENDS_AT_ONCE: &str = r#"{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}"#;

/// Lets operations do nothing from now on. The stack is thrown away with the local cloud.
pub(crate) async fn let_operations_do_nothing(cloud: &Cloud) {
    let machine = cloud.executions.update_state_machine();
    let machine = machine.state_machine_arn(&Service::under_test().state_machine_arn).definition(ENDS_AT_ONCE);
    machine.send().await.expect("replace the definition");
}
