import './base.css';
import './keys.css';
import './chat.css';
import './status.css';
