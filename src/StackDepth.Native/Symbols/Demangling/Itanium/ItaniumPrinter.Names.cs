namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumPrinter
{
    private bool PrintName(Node node)
    {
        switch (node)
        {
            case Identifier name:
                text.Write(name.Text);
                return true;
            case StandardName name:
                text.Write(name.Text);
                return true;
            case QualifiedName name:
                Print(name.Scope);
                text.Write("::");
                Print(name.Member);
                return true;
            case LocalName name:
                Print(name.Function);
                text.Write("::");
                Print(name.Entity);
                return true;
            case DefaultArgument argument:
                PrintDefaultArgument(argument);
                Print(argument.Entity);
                return true;
            case TypedName name:
                PrintTyped(name);
                return true;
            case TemplateInstance instance:
                PrintInstance(instance);
                return true;
            case TaggedName name:
                Print(name.Name);
                text.Write("[abi:");
                Print(name.Tag);
                text.Write(']');
                return true;
            case FriendName name:
                Print(name.Name);
                text.Write("[friend]");
                return true;
            case ModuleMember member:
                Print(member.Name);
                text.Write('@');
                Print(member.Module);
                return true;
            case ModuleName module:
                PrintModule(module);
                return true;
            case StructorName name:
                text.Write(name.Destructor ? "~" : "");
                Print(name.ClassName);
                return true;
            default:
                return PrintOperatorName(node) || PrintMadeName(node);
        }
    }

    private bool PrintOperatorName(Node node)
    {
        switch (node)
        {
            case OperatorName name:
                text.Write("operator");
                text.Write(char.IsAsciiLetterLower(name.Operator.Symbol[0]) ? " " : "");
                text.Write(name.Operator.Symbol.AsSpan().TrimEnd(' '));
                return true;
            case VendorOperator name:
                text.Write("operator ");
                Print(name.Name);
                return true;
            case ConversionOperator conversion:
                text.Write("operator ");
                PrintConversion(conversion.Type);
                return true;
            default:
                return false;
        }
    }

    // What the compiler made, or named.
    private bool PrintMadeName(Node node)
    {
        switch (node)
        {
            case SpecialName special:
                text.Write(special.Description);
                Print(special.Entity);
                return true;
            case ConstructionVtable vtable:
                text.Write("construction vtable for ");
                Print(vtable.Base);
                text.Write("-in-");
                Print(vtable.Derived);
                return true;
            case LambdaName lambda:
                PrintLambda(lambda);
                return true;
            case UnnamedType type:
                text.Write("{unnamed type#");
                text.Write(type.Number + 1L);
                text.Write('}');
                return true;
            case StructuredBinding binding:
                text.Write('[');
                PrintList(binding.Names);
                text.Write(']');
                return true;
            case Clone clone:
                Print(clone.Function);
                text.Write(" [clone ");
                text.Write(clone.Suffix);
                text.Write(']');
                return true;
            default:
                return false;
        }
    }

    private void PrintDefaultArgument(DefaultArgument argument)
    {
        text.Write("{default arg#");
        text.Write(argument.Number + 1L);
        text.Write("}::");
    }

    private void PrintModule(ModuleName module)
    {
        if (!limits.Step() || module.Depth > 100)
        {
            text.Fail();
            return;
        }

        if (module.Parent is { } parent)
        {
            PrintModule(parent);
        }

        text.Write(module.Partition ? ":" : module.Parent is null ? "" : ".");
        text.Write(module.Part);
    }

    /// <summary>A function's name goes where its type has the declarator, and its qualifiers behind the parameters.</summary>
    private void PrintTyped(TypedName typed)
    {
        Declarator? around = null;
        var name = typed.Name;
        for (; name is ModifiedType { IsOfFunction: true } qualifier; name = qualifier.Inner)
        {
            around = new Declarator(qualifier, scope, around);
        }

        var template = name;
        if (name is LocalName local)
        {
            for (template = Entity(local); template is ModifiedType { IsOfFunction: true } qualifier; template = qualifier.Inner)
            {
                around = new Declarator(qualifier, scope, around);
            }
        }

        around = new Declarator(name, scope, around);
        var outer = scope;
        if (template is TemplateInstance instance)
        {
            scope = new TemplateScope(instance, scope);
        }

        Print(typed.Type, around);
        if (typed.Constraint is { } constraint)
        {
            text.Write(" requires ");
            Print(constraint);
        }

        scope = outer;
    }

    private static Node Entity(LocalName local) => local.Entity is DefaultArgument argument ? argument.Entity : local.Entity;

    /// <summary>The name of a function, without the qualifiers that <see cref="PrintTyped"/> puts elsewhere.</summary>
    private void PrintDeclared(Node name)
    {
        if (name is not LocalName local)
        {
            Print(name);
            return;
        }

        Print(local.Function);
        text.Write("::");
        if (local.Entity is DefaultArgument argument)
        {
            PrintDefaultArgument(argument);
        }

        var entity = Entity(local);
        while (entity is ModifiedType { IsOfFunction: true } qualifier)
        {
            entity = qualifier.Inner;
        }

        Print(entity);
    }
}
