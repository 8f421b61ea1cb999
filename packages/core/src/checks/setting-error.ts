/** A setting of a configuration that is out of range or contradicts another. */
export class SettingError extends RangeError {
  override name = 'RangeError';
  /**
   * Returns the message with other names for the settings, such as the flags of a command.
   * @param nameOf maps a setting, such as `hiddenDim` or `softmax.cutoffs`, to the name to show
   */
  readonly messageWith: (nameOf: (setting: string) => string) => string;

  constructor(messageWith: SettingError['messageWith']) {
    super(messageWith((setting) => setting));
    this.messageWith = messageWith;
  }
}
