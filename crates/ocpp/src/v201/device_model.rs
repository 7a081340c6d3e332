//! Components, their variables and what watches them: the names of the device model.

use super::common::Evse;
use crate::Text;

record! {
    /// The specification's ComponentType.
    #[derive(Default)]
    pub struct Component {
        name as "name": Text<50>,
        /// Left out: the component is of the whole station.
        evse as "evse": Option<Evse>,
        instance as "instance": Option<Text<50>>,
    }
}

record! {
    /// The specification's VariableType.
    pub struct Variable {
        name as "name": Text<50>,
        instance as "instance": Option<Text<50>>,
    }
}

text_enum! {
    /// The specification's AttributeEnumType.
    pub enum AttributeType {
        Actual = "Actual",
        Target = "Target",
        MinSet = "MinSet",
        MaxSet = "MaxSet",
    }
}

record! {
    /// The specification's ComponentVariableType.
    pub struct ComponentVariable {
        component as "component": Component,
        variable as "variable": Option<Variable>,
    }
}

text_enum! {
    /// The specification's MonitorEnumType.
    pub enum MonitorType {
        UpperThreshold = "UpperThreshold",
        LowerThreshold = "LowerThreshold",
        Delta = "Delta",
        Periodic = "Periodic",
        PeriodicClockAligned = "PeriodicClockAligned",
    }
}
