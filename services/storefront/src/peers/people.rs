//! What identity does for managers who look after the staff. Each call carries the manager's session: identity itself
//! decides whether it allows this, and writes down whose it was.

use shop_contracts::identity::{
    ChangeStaffRole, NewStaffMember, SetStaffPassword, StaffChanges, StaffEntry, StaffMembers,
};
use shop_instrumentation::client::{Call, CallError};

use super::Peers;
use super::account::SESSION_TOKEN;

fn path_of(username: &str, rest: &str) -> String {
    format!("/v1/staff/members/{}{rest}", urlencoding::encode(username))
}

impl Peers {
    /// Everybody who is or was a member.
    pub async fn staff_members(&self, token: &str) -> Result<StaffMembers, CallError> {
        self.identity.request(Call::get("/v1/staff/members").header(SESSION_TOKEN, token)).await
    }

    /// What was changed about members, newest first.
    pub async fn staff_changes(&self, token: &str) -> Result<StaffChanges, CallError> {
        self.identity.request(Call::get("/v1/staff/changes").header(SESSION_TOKEN, token)).await
    }

    /// Adds a member; the same key adds one once.
    pub async fn add_staff_member(
        &self,
        token: &str,
        key: &str,
        new: &NewStaffMember,
    ) -> Result<StaffEntry, CallError> {
        let call = Call::post("/v1/staff/members", new).idempotency_key(key);
        self.identity.request(call.header(SESSION_TOKEN, token)).await
    }

    /// Gives a member another role.
    pub async fn change_staff_role(
        &self,
        token: &str,
        username: &str,
        change: &ChangeStaffRole,
    ) -> Result<StaffEntry, CallError> {
        let call = Call::put(path_of(username, "/role"), change);
        self.identity.request(call.header(SESSION_TOKEN, token)).await
    }

    /// Gives a member another password and ends the member's sessions.
    pub async fn set_staff_password(
        &self,
        token: &str,
        username: &str,
        change: &SetStaffPassword,
    ) -> Result<StaffEntry, CallError> {
        let call = Call::put(path_of(username, "/password"), change);
        self.identity.request(call.header(SESSION_TOKEN, token)).await
    }

    /// Ends a member and the member's sessions; once, however often it is asked.
    pub async fn end_staff_member(&self, token: &str, username: &str) -> Result<StaffEntry, CallError> {
        let call = Call::delete(path_of(username, ""));
        self.identity.request(call.header(SESSION_TOKEN, token)).await
    }
}
